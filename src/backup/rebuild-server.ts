/** A backup made a running server again, of whichever kind it is, in a folder that has none: what a proof throws away and a restore keeps. */
import type { CheckOptions } from './check.ts';
import { rebuildCluster } from './rebuild-cluster.ts';
import { rebuildDatabase, type RebuiltCounts } from './rebuild.ts';
import { startScratchServer, type ScratchOptions, type ScratchServer } from './scratch-server.ts';

export interface RebuiltServer {
  readonly server: ScratchServer;
  readonly counts: Pick<RebuiltCounts, 'tables' | 'rows'>;
}

/** Compared with the backup and brought to the newest schema. The caller stops it.
 *  @param options.folder its directory is `pg` below it  @throws AppError backup_unusable */
export async function rebuildServer(options: CheckOptions & Pick<ScratchOptions, 'folder' | 'keep'>): Promise<RebuiltServer> {
  const { manifest } = options;
  if (manifest.kind === 'physical') return rebuildCluster({ ...options, manifest });
  const server = await startScratchServer(options);
  try {
    return { server, counts: await rebuildDatabase({ ...options, manifest, roles: server.roles }) };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
