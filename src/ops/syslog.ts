/** Log lines to syslog, as RFC 5424 says: over UDP (RFC 5426), TCP (RFC 6587, octets counted) or a local socket. Never holds anybody up: while nobody takes them,
 *  a bounded number of lines waits and the oldest go. One thing to know: Node has no datagram sockets on paths, which is what /dev/log is; every syslog brings `logger`. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { hostname } from 'node:os';

export interface Syslog {
  /** @param line of JSON */
  write(line: string): void;
  end(): Promise<void>;
}

export interface SyslogTarget {
  readonly kind: 'unix' | 'udp' | 'tcp';
  /** Of a socket. */
  readonly path: string;
  readonly host: string;
  readonly port: number;
}

/** Source: RFC 5424, table 2. */
const SEVERITIES: Readonly<Record<string, number>> = { fatal: 2, error: 3, warn: 4, info: 6, debug: 7, trace: 7 };
/** local0: a system's own facilities are its own. */
const FACILITY = 16;
/** Private enterprise number of examples (RFC 5612): Studio has none of its own. */
const DATA_ID = 'studio@32473';
const MAX_WAITING = 5_000;
const RETRY_MS = 1_000;
/** A datagram that every path carries. */
const MAX_DATAGRAM = 8_192;

/** `unix:/dev/log`, `udp://host:514`, `tcp://host:601`. @throws Error that says what is allowed */
export function parseSyslogTarget(text: string): SyslogTarget {
  if (text.startsWith('unix:/')) return { kind: 'unix', path: text.slice('unix:'.length), host: '', port: 0 };
  const url = URL.parse(text);
  if (url === null || !['udp:', 'tcp:'].includes(url.protocol) || url.hostname === '')
    throw new Error(`"${text}" is no syslog target: it is unix:/dev/log, udp://host:514 or tcp://host:601`);
  const kind = url.protocol === 'udp:' ? 'udp' : 'tcp';
  return { kind, path: '', host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? (kind === 'udp' ? 514 : 601) : Number(url.port) };
}

export function openSyslog(target: SyslogTarget): Syslog {
  if (target.kind === 'udp') return overUdp(target);
  return overStream(target);
}

/** The message of one line. */
export function syslogMessage(line: string): string {
  const text = line.trimEnd();
  const { level, time, requestId } = read(text);
  const data = requestId === undefined ? '-' : `[${DATA_ID} requestId="${requestId.replaceAll(/["\\\]]/g, '\\$&')}"]`;
  return `<${priorityOf(level)}>1 ${time ?? '-'} ${hostname().slice(0, 255) || '-'} studio ${process.pid} - ${data} ${text}`;
}

function priorityOf(level: string): number {
  return FACILITY * 8 + (SEVERITIES[level] ?? 6);
}

function read(text: string): { readonly level: string; readonly time: string | undefined; readonly requestId: string | undefined } {
  try {
    const { level, time, requestId } = JSON.parse(text) as Record<string, unknown>;
    const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
    return { level: textOf(level) ?? 'info', time: textOf(time), requestId: textOf(requestId) };
  } catch {
    return { level: 'info', time: undefined, requestId: undefined };
  }
}

function overUdp({ host, port }: SyslogTarget): Syslog {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => undefined);
  socket.unref();
  let open = 0;
  let onIdle = (): void => undefined;
  return {
    write(line) {
      open += 1;
      socket.send(Buffer.from(syslogMessage(line)).subarray(0, MAX_DATAGRAM), port, host, () => {
        open -= 1;
        if (open === 0) onIdle();
      });
    },
    async end() {
      if (open > 0) await new Promise<void>((resolve) => (onIdle = resolve));
      socket.close();
    },
  };
}

/** TCP, or a socket that takes streams; where it takes datagrams, `logger` carries the lines. */
function overStream(target: SyslogTarget): Syslog {
  const waiting: string[] = [];
  let socket: Socket | undefined;
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isEnding = false;

  function send(line: string): boolean {
    if (child?.stdin?.writable === true) {
      child.stdin.write(`<${priorityOf(read(line).level)}>${line.trimEnd()}\n`);
      return true;
    }
    if (socket?.readyState !== 'open') return false;
    const message = syslogMessage(line);
    // Octet counting on TCP; a local stream has one message a line.
    socket.write(target.kind === 'tcp' ? `${Buffer.byteLength(message)} ${message}` : `${message}\n`);
    return true;
  }
  function flush(): void {
    for (let [next] = waiting; next !== undefined && send(next); [next] = waiting) waiting.shift();
  }
  function open(): void {
    const made = target.kind === 'tcp' ? connect({ host: target.host, port: target.port }) : connect({ path: target.path });
    made.unref();
    made.on('connect', () => {
      socket = made;
      flush();
    });
    made.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPROTOTYPE' || error.code === 'EPROTONOSUPPORT') openLogger();
    });
    made.on('close', () => {
      socket = undefined;
      if (!isEnding && child === undefined) timer = setTimeout(open, RETRY_MS).unref();
    });
  }
  function openLogger(): void {
    // It makes the head itself; `--prio-prefix` reads the priority that each line begins with.
    child = spawn('logger', ['--socket', target.path, '--prio-prefix', '--tag', 'studio', '--rfc5424=notq', `--id=${process.pid}`], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.on('error', () => undefined);
    child.stdin?.on('error', () => undefined);
    child.on('exit', () => {
      child = undefined;
      if (!isEnding) timer = setTimeout(open, RETRY_MS).unref();
    });
    flush();
  }
  open();
  return {
    write(line) {
      waiting.push(line);
      if (waiting.length > MAX_WAITING) waiting.shift();
      flush();
    },
    async end() {
      isEnding = true;
      clearTimeout(timer);
      flush();
      child?.stdin?.end();
      const closing = socket;
      if (closing !== undefined) await new Promise<void>((resolve) => closing.end(() => resolve()));
    },
  };
}
