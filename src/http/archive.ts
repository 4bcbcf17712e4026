/** Many stored things as one zip file, made while it is sent: memory is one chunk, and nothing is written to disk. Not compressed: checkpoints and pictures
 *  do not get smaller, and the processor belongs to the jobs. */
import { Readable } from 'node:stream';
import yazl from 'yazl';

export interface ArchiveEntry {
  /** Path in the archive; checked when it was stored. */
  readonly name: string;
  readonly bytes: number;
  readonly createdAt: string;
  open(): Promise<Readable>;
}

export function archiveResponse(archive: { readonly name: string; readonly entries: readonly ArchiveEntry[]; readonly signal: AbortSignal }): Response {
  const zip = new yazl.ZipFile();
  const output = Readable.from(zip.outputStream as AsyncIterable<Buffer>, { objectMode: false });
  for (const entry of archive.entries) {
    zip.addReadStreamLazy(entry.name, { compress: false, size: entry.bytes, mtime: new Date(entry.createdAt) }, (done) => {
      entry.open().then(
        (stream) =>
          done(
            null,
            stream.once('error', (error) => output.destroy(error)),
          ),
        (error: Error) => output.destroy(error),
      );
    });
  }
  zip.end();
  archive.signal.addEventListener('abort', () => output.destroy(), { once: true });
  return new Response(Readable.toWeb(output) as ReadableStream<Uint8Array>, {
    headers: {
      'content-type': 'application/zip',
      'content-disposition': `attachment; filename="${archive.name.replaceAll(/[^A-Za-z0-9._-]/g, '_')}"`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-store',
    },
  });
}
