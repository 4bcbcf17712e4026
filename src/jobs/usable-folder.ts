/** What the machine must have before any job runs. */
import { constants } from 'node:fs';
import { access, chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { closedAncestor } from './job-folder.ts';
import type { RunParts } from './parts.ts';

/** As root, jobs run under uids of their own: they must be able to pass to their folder, and setpriv must be there to change to the uid. Nothing falls back to root. */
export async function requireUsableFolder(parts: RunParts): Promise<void> {
  if (parts.uids === undefined) return;
  // The workspace is Studio's own: it may be passed (not listed). What is above it belongs to others.
  const { mode } = await stat(parts.workspacePath);
  if ((mode & 0o001) === 0) await chmod(parts.workspacePath, (mode & 0o7777) | 0o011);
  const closed = await closedAncestor(join(parts.workspacePath, 'jobs'));
  if (closed !== undefined)
    parts.log.warn({ folder: closed }, 'jobs run as users of their own and can not pass this folder; give others the right to pass it (chmod o+x)');
  const found = await Promise.all(
    ['/usr/bin/setpriv', '/bin/setpriv'].map((path) =>
      access(path, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  if (!found.includes(true))
    parts.log.error({ program: 'setpriv' }, 'jobs can not run: Studio is root and the program that changes to their users is missing; install util-linux');
}
