/** Where the service's files lie: below `root` for images that are prepared, as `systemctl --root` has it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ServiceFiles {
  readonly unit: string;
  readonly executable: string;
  readonly command: string;
  readonly envFile: string;
}

export const UNIT = 'studio.service';

export function serviceFiles(root: string): ServiceFiles {
  return {
    unit: join(root, '/etc/systemd/system', UNIT),
    executable: join(root, '/opt/studio/studio'),
    command: join(root, '/usr/local/bin/studio'),
    envFile: join(root, '/etc/studio/studio.env'),
  };
}

/** By name, from /etc/passwd. */
export function findUser(name: string): { readonly uid: number; readonly gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** As a folder of this machine, without the prefix. */
export function within(root: string, path: string): string {
  return root === '/' || !path.startsWith(root) ? path : `/${path.slice(root.length).replace(/^\/+/, '')}`;
}
