/** Every TCP socket of this machine that listens, as a test of what is open to whom reads them. From /proc alone: independent of kernel/port-holder. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { listProcesses } from '../kernel/process-identity.ts';

/** One line each: address, port and the pid that holds it. */
export function listeners(): readonly string[] {
  const owners = new Map(listProcesses().flatMap(({ pid }) => socketsOf(pid).map((socket) => [socket, pid] as const)));
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => readFileSync(table, 'utf8').trim().split('\n').slice(1));
  return rows.flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    if (state !== '0A') return [];
    const [address = '', port = '0'] = local.split(':');
    return [`${address === '0100007F' ? '127.0.0.1' : address}:${Number.parseInt(port, 16)} pid=${owners.get(`socket:[${inode}]`) ?? 0},`];
  });
}

function socketsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`)
      .map((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
      .filter((link) => link.startsWith('socket:'));
  } catch {
    return []; // Gone meanwhile.
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
