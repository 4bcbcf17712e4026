/** Where sockets live: a private folder on a local disk, never on the workspace's volume (network volumes bind no sockets, and paths
 *  are at most 107 bytes). Named by workspace id and place, so that a copied workspace gets another. */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Refusal } from './refusal.ts';

export interface RuntimeFolder {
  readonly postgres: string;
  readonly redis: string;
}

/** Makes the folder (mode 0711: the service account passes to its own, nobody lists it).
 *  @throws Refusal when another user has put something there */
export function makeRuntimeFolder(workspacePath: string, workspaceId: string): RuntimeFolder {
  const place = createHash('sha256')
    .update(`${workspaceId}\n${realpathSync(workspacePath)}`)
    .digest('hex')
    .slice(0, 12);
  const uid = process.getuid?.() ?? 0;
  const base = uid === 0 ? '/run' : (process.env['XDG_RUNTIME_DIR'] ?? tmpdir());
  const folder = join(base, uid === 0 ? `studio-${place}` : `studio-${uid}-${place}`);
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const facts = lstatSync(folder);
  if (!facts.isDirectory() || facts.uid !== uid || (facts.mode & 0o022) !== 0) {
    throw new Refusal(
      'workspace_unusable',
      `${folder} is not this user's own folder (owner ${facts.uid}, mode ${(facts.mode & 0o777).toString(8)}). Remove it; Studio keeps its sockets there.`,
    );
  }
  return { postgres: join(folder, 'pg'), redis: join(folder, 'redis') };
}
