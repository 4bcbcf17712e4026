/** Results of steps too large for their row: kept as artifacts of their instance, so that they can be downloaded and are deleted with it. */
import type { Database } from '../store/client.ts';
import { NodeError } from '../nodes/kit.ts';
import type { Files } from './files.ts';

export interface LargeResults {
  /** @returns the artifact, durable. @throws AppError disk_full */
  keep(value: {
    readonly orgId: string;
    readonly instanceId: string;
    readonly path: string;
    readonly text: string;
  }): Promise<{ readonly id: string; readonly bytes: number; readonly sha256: string }>;
  /** @throws NodeError large_gone when its bytes are not on disk any more */
  read(value: { readonly orgId: string; readonly sha256: string; readonly bytes: number }): Promise<string>;
}

export function createLargeResults(parts: { readonly files: Files; readonly database: Database }): LargeResults {
  const { files, database } = parts;
  return {
    async keep({ orgId, instanceId, path, text }) {
      const bytes = Buffer.from(text, 'utf8');
      const staged = await files.content.stage(once(bytes), { maxBytes: bytes.byteLength });
      try {
        const [artifact] = await database.engine.transaction((sql) =>
          files.placeArtifacts(sql, [{ orgId, name: `${path.replaceAll('/', '.')}.json`, staged, instanceId, stepPath: path }]),
        );
        if (artifact === undefined) throw new Error('an artifact was not made');
        return { id: artifact.id, bytes: artifact.bytes, sha256: artifact.sha256 };
      } finally {
        await files.content.discard(staged);
      }
    },
    async read({ orgId, sha256, bytes }) {
      const content = await files.content.readAll(orgId, sha256);
      if (content === undefined || content.byteLength !== bytes)
        throw new NodeError('large_gone', `the ${bytes} bytes of a step's result are not in the workspace any more (sha256 ${sha256})`, { final: true });
      return content.toString('utf8');
    },
  };
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}
