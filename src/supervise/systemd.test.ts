import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { connectSystemd, SYSTEMD_NOTIFY } from './systemd.ts';

const folder = mkdtempSync(join(tmpdir(), 'studio-systemd-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What systemd is: a datagram socket, whose messages are read one by one. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listens', flush=True)
while True:
    print(repr(s.recv(4096).decode()), flush=True)
`;

async function receive(
  context: TestContext,
  path: string,
): Promise<{ readonly messages: () => readonly string[]; until(text: string): Promise<void> } | undefined> {
  if (!existsSync(SYSTEMD_NOTIFY)) {
    context.skip(`${SYSTEMD_NOTIFY} is not here`);
    return undefined;
  }
  const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => child.kill('SIGKILL'));
  let said = '';
  let hear = (): void => undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    hear();
  });
  const until = async (text: string): Promise<void> => {
    while (!said.includes(text)) await new Promise<void>((resolve) => (hear = resolve)); // Serial: this is a watch.
  };
  const isThere = await Promise.race([until('listens').then(() => true), new Promise<boolean>((resolve) => child.once('error', () => resolve(false)))]);
  if (!isThere) {
    context.skip('python3 is not here');
    return undefined;
  }
  return { messages: () => said.split('\n').filter((line) => line.startsWith("'") && !line.includes('BARRIER')), until };
}

test('systemd hears in order that Studio is ready, alive and stopping, and of which process', async (context) => {
  const path = join(folder, 'notify');
  const receiver = await receive(context, path);
  if (receiver === undefined) return;
  const faults: string[] = [];
  const clock = fakeClock();
  const systemd = connectSystemd({ env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: '20000000' }, clock, onFault: (message) => faults.push(message) });
  systemd?.tell({ STATUS: 'Starts:\nstorage' });
  systemd?.tell({ READY: '1', STATUS: 'Answers on port 8000' });
  systemd?.watch();
  await clock.advance(10_000);
  systemd?.stop();
  await clock.advance(60_000);
  systemd?.tell({ STOPPING: '1' });
  await receiver.until('STOPPING=1');
  const messages = receiver.messages();
  deepEqual(
    messages.map((message) => /(STATUS=Starts|READY|WATCHDOG|STOPPING)/.exec(message)?.[1]),
    ['STATUS=Starts', 'READY', 'WATCHDOG', 'WATCHDOG', 'STOPPING'],
  );
  ok(messages.every((message) => message.includes(`MAINPID=${process.pid}`)));
  match(messages[0] ?? '', /STATUS=Starts: storage/);
  deepEqual(faults, []);
});

test('without a socket there is nobody to tell; one that does not answer is told once and stops nothing', async (context) => {
  equal(connectSystemd({ env: {}, clock: systemClock, onFault: () => undefined }), undefined);
  equal(connectSystemd({ env: { NOTIFY_SOCKET: 'relative' }, clock: systemClock, onFault: () => undefined }), undefined);
  if (!existsSync(SYSTEMD_NOTIFY)) return context.skip(`${SYSTEMD_NOTIFY} is not here`);
  const faults: string[] = [];
  const heard = Promise.withResolvers<void>();
  const onFault = (message: string): void => {
    faults.push(message);
    heard.resolve();
  };
  const systemd = connectSystemd({ env: { NOTIFY_SOCKET: join(folder, 'nobody') }, clock: systemClock, onFault });
  systemd?.tell({ READY: '1' });
  systemd?.tell({ READY: '1' });
  await heard.promise;
  equal(faults.length, 1);
});
