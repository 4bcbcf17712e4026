/** The unprivileged account that PostgreSQL and Redis run as when Studio is root. PostgreSQL refuses to run as root.
 *  Never changes an account that exists. */
import { existsSync, readFileSync } from 'node:fs';
import { runToEnd } from '../kernel/child.ts';

export interface ServiceAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const SERVICE_USER = 'studio-svc';

/** The account to run services as, made when missing; undefined when Studio is not root (services then run as Studio does).
 *  @throws Error when no account can be had */
export async function ensureServiceAccount(): Promise<ServiceAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const known = findAccount(SERVICE_USER);
  if (known !== undefined) return known;
  for (const { command, args } of makers()) {
    // One after the other: the second is only for systems without the first.
    await runToEnd({ command, args, timeoutMs: 10_000 });
    const made = findAccount(SERVICE_USER);
    if (made !== undefined) return made;
  }
  const nobody = findAccount('nobody');
  if (nobody === undefined)
    throw new Error(`Studio runs as root and found no account for PostgreSQL; make one named ${SERVICE_USER} (useradd --system ${SERVICE_USER}).`);
  return nobody;
}

function makers(): readonly { command: string; args: readonly string[] }[] {
  const home = '/nonexistent';
  const shell = existsSync('/usr/sbin/nologin') ? '/usr/sbin/nologin' : '/bin/false';
  const all = [
    { command: '/usr/sbin/useradd', args: ['--system', '--user-group', '--no-create-home', '--home-dir', home, '--shell', shell, SERVICE_USER] },
    // BusyBox: Alpine and the like.
    { command: '/usr/sbin/adduser', args: ['-S', '-D', '-H', '-h', home, '-s', shell, SERVICE_USER] },
  ];
  return all.filter((maker) => existsSync(maker.command));
}

function findAccount(name: string): ServiceAccount | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined || uid === '0' ? undefined : { name, uid: Number(uid), gid: Number(gid) };
}
