/** Lines as syslog takes them, against sockets that take them: a datagram, a counted stream, a local socket. */
import { deepEqual, equal, match, throws } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openSyslog, parseSyslogTarget, syslogMessage } from './syslog.ts';

const folder = mkdtempSync(join(tmpdir(), 'studio-syslog-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const LINE = '{"level":"error","time":"2026-01-02T03:04:05.678Z","requestId":"req_1\\"]","msg":"it broke"}\n';
// <facility 16 × 8 + severity>version time host app pid msgid data message
const SHAPE = /^<131>1 2026-01-02T03:04:05\.678Z \S+ studio \d+ - \[studio@32473 requestId="req_1\\"\\\]"\] \{"level":"error".*"it broke"\}$/;

test('a message has the shape of RFC 5424, with the request id as data', () => {
  match(syslogMessage(LINE), SHAPE);
  match(syslogMessage('not JSON at all'), /^<134>1 - \S+ studio \d+ - - not JSON at all$/);
});

test('over UDP each line is a datagram', async () => {
  const server = createSocket('udp4');
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const syslog = openSyslog(parseSyslogTarget(`udp://127.0.0.1:${server.address().port}`));
  const came = once(server, 'message') as Promise<[Buffer]>;
  syslog.write(LINE);
  match((await came)[0].toString(), SHAPE);
  await syslog.end();
  server.close();
});

test('over TCP octets are counted, and lines that came before the connection are sent', async () => {
  const { address, text, close } = await receiver({ host: '127.0.0.1', port: 0 });
  const syslog = openSyslog(parseSyslogTarget(`tcp://127.0.0.1:${(address as AddressInfo).port}`));
  syslog.write(LINE);
  syslog.write('{"level":"info","msg":"two"}\n');
  await text((all) => all.includes('two'));
  await syslog.end();
  let rest = await text(() => true);
  const messages: string[] = [];
  while (rest !== '') {
    const [count = ''] = rest.split(' ', 1);
    messages.push(rest.slice(count.length + 1, count.length + 1 + Number(count)));
    rest = rest.slice(count.length + 1 + Number(count));
  }
  equal(messages.length, 2);
  match(messages[0] ?? '', SHAPE);
  close();
});

test('a local socket that takes streams has one message a line', async () => {
  const path = join(folder, 'stream');
  const { text, close } = await receiver({ path });
  const syslog = openSyslog(parseSyslogTarget(`unix:${path}`));
  syslog.write(LINE);
  match((await text((all) => all.endsWith('\n'))).trimEnd(), SHAPE);
  await syslog.end();
  close();
});

const hasPython = spawnSync('python3', ['--version']).status === 0 && spawnSync('logger', ['--version']).status === 0;

test('a local socket that takes datagrams, as /dev/log does, gets the lines too', { skip: hasPython ? false : 'needs python3 and logger' }, async () => {
  const { spawn } = await import('node:child_process');
  const path = join(folder, 'datagrams');
  const server = spawn('python3', [
    '-c',
    'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint("ready",flush=True)\nprint(s.recv(65536).decode(),flush=True)',
    path,
  ]);
  let out = '';
  server.stdout.setEncoding('utf8');
  await once(server.stdout, 'data');
  server.stdout.on('data', (text: string) => (out += text));
  const syslog = openSyslog(parseSyslogTarget(`unix:${path}`));
  syslog.write(LINE);
  await once(server, 'exit');
  await syslog.end();
  match(out, /<131>1 \S+ \S+ studio \d+ - .*"it broke"\}/);
});

test('what is no target is refused with what is', () => {
  throws(() => parseSyslogTarget('http://x'), /unix:\/dev\/log, udp:\/\/host:514 or tcp:\/\/host:601/);
  deepEqual(parseSyslogTarget('udp://[::1]'), { kind: 'udp', path: '', host: '::1', port: 514 });
});

/** A server that keeps what it is sent. */
async function receiver(place: { readonly path: string } | { readonly host: string; readonly port: number }) {
  let all = '';
  const changed: (() => void)[] = [];
  const server = createServer((socket: Socket) => {
    socket.setEncoding('utf8').on('data', (part: string) => {
      all += part;
      changed.splice(0).forEach((tell) => tell());
    });
  });
  server.listen(place);
  await once(server, 'listening');
  return {
    address: server.address(),
    async text(isEnough: (all: string) => boolean): Promise<string> {
      while (!isEnough(all)) await new Promise<void>((resolve) => changed.push(resolve));
      return all;
    },
    close: () => server.close(),
  };
}
