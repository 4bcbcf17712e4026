/** Results of steps too large for their row: kept as artifacts of their instance, so that they can be downloaded and are deleted with it. */
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { NodeError } from '../nodes/kit.ts';
import { insertArtifact } from '../store/artifacts.ts';
import type { Database } from '../store/client.ts';
import { lockContent } from '../store/files.ts';
import type { Files } from './files.ts';

export interface LargeResults {
  /** @returns the artifact, durable. @throws AppError disk_full */
  keep(value: {
    readonly orgId: string;
    readonly instanceId: string;
    readonly path: string;
    readonly text: string;
  }): Promise<{ readonly id: string; readonly bytes: number; readonly sha256: string }>;
  /** Another instance has it, too: it stays when the first is deleted. */
  share(value: {
    readonly orgId: string;
    readonly instanceId: string;
    readonly path: string;
    readonly sha256: string;
    readonly bytes: number;
  }): Promise<{ readonly id: string; readonly bytes: number; readonly sha256: string }>;
  /** @throws NodeError large_gone when its bytes are not on disk any more */
  read(value: { readonly orgId: string; readonly sha256: string; readonly bytes: number }): Promise<string>;
}

export function createLargeResults(parts: { readonly files: Files; readonly database: Database; readonly clock: Clock }): LargeResults {
  const { files, database, clock } = parts;
  return {
    async keep({ orgId, instanceId, path, text }) {
      const bytes = Buffer.from(text, 'utf8');
      const staged = await files.content.stage(once(bytes), { maxBytes: bytes.byteLength });
      try {
        const [artifact] = await database.engine.transaction((sql) =>
          files.placeArtifacts(sql, [{ orgId, name: nameOf(path), staged, instanceId, stepPath: path }]),
        );
        if (artifact === undefined) throw new Error('an artifact was not made');
        return { id: artifact.id, bytes: artifact.bytes, sha256: artifact.sha256 };
      } finally {
        await files.content.discard(staged);
      }
    },
    async share({ orgId, instanceId, path, sha256, bytes }) {
      const id = newId('art', clock);
      await database.engine.transaction(async (sql) => {
        await lockContent(sql, { orgId, sha256 });
        await insertArtifact(sql, {
          id,
          orgId,
          name: nameOf(path),
          bytes,
          sha256,
          mediaType: 'application/json',
          instanceId,
          stepPath: path,
          nowMs: clock.now(),
        });
      });
      return { id, bytes, sha256 };
    },
    async read({ orgId, sha256, bytes }) {
      const content = await files.content.readAll(orgId, sha256);
      if (content === undefined || content.byteLength !== bytes)
        throw new NodeError('large_gone', `the ${bytes} bytes of a step's result are not in the workspace any more (sha256 ${sha256})`, { final: true });
      return content.toString('utf8');
    },
  };
}

function nameOf(path: string): string {
  return `${path.replaceAll('/', '.')}.json`;
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}
