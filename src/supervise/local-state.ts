/** The machine's own disk, for data that can't live on the workspace's volume. Named by the workspace's path. */
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** @param chosen the configuration's (STUDIO_LOCAL_PATH) */
export function localStatePath(workspacePath: string, chosen?: string): string {
  const name = createHash('sha256').update(workspacePath).digest('hex').slice(0, 12);
  return join(chosen ?? defaultBase(), name);
}

function defaultBase(): string {
  return process.getuid?.() === 0 ? '/var/lib/studio' : join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state'), 'studio');
}
