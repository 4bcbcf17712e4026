/** Who listens on a TCP port of this machine, from /proc. Never connects, never signals.
 *  A holder in another container, or another user's, has a port but no visible process. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readArguments, readProcess } from './process-identity.ts';

export interface PortHolder {
  /** Undefined when the process can't be seen from here. */
  readonly pid?: number;
  readonly name?: string;
  readonly arguments: readonly string[];
}

/** LISTEN in /proc/net/tcp. */
const LISTEN = '0A';

/** The process that listens on `port` on any local address; undefined when none does. */
export function findPortHolder(port: number): PortHolder | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  const pid = ownerOf(inodes);
  if (pid === undefined) return { arguments: [] };
  return { pid, name: readProcess(pid)?.name ?? 'unknown', arguments: readArguments(pid) };
}

/** "node (pid 412: node dist/studio.js start)", or that it can't be seen. */
export function describeHolder(holder: PortHolder): string {
  if (holder.pid === undefined) return "a process of another user or container, which can't be named from here";
  const [program = '', ...rest] = holder.arguments;
  // The folder of the program says little and pushes what matters out of the line.
  const line = [program.split('/').at(-1), ...rest].join(' ').trim();
  return `${holder.name} (pid ${holder.pid}${line === '' ? '' : `: ${line.length > 160 ? `${line.slice(0, 160)}…` : line}`})`;
}

function listeningInodes(port: number): ReadonlySet<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const found = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readLines(table)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(suffix) === true && fields[3] === LISTEN && fields[9] !== undefined) found.add(fields[9]);
    }
  }
  return found;
}

function ownerOf(inodes: ReadonlySet<string>): number | undefined {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const owner = pids.find((pid) => socketsOf(pid).some((inode) => inodes.has(inode)));
  return owner === undefined ? undefined : Number(owner);
}

function socketsOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    return []; // Gone, or another user's.
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(1);
  } catch {
    return []; // tcp6 is missing where IPv6 is off.
  }
}
