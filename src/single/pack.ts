/** What the single executable carries: files in compressed blocks, and their index. Written by scripts/build-single.ts, read by the first steps of
 *  the executable. Puts files only below the folder it is given. */
import { spawnSync } from 'node:child_process';
import { mkdir, open, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';

/** A block is one zstd frame; small files share one. */
export interface Block {
  readonly offset: number;
  readonly bytes: number;
}

export interface PackedFile {
  /** Relative, `/` between segments. */
  readonly path: string;
  readonly mode: number;
  readonly bytes: number;
  readonly block: number;
  /** Where it begins in the block once that is decompressed. */
  readonly at: number;
}

export interface PackedLink {
  readonly path: string;
  readonly target: string;
}

export interface Pack {
  /** Version and hash of all content: the name of the folder it is unpacked to. */
  readonly id: string;
  readonly blocks: readonly Block[];
  readonly files: readonly PackedFile[];
  readonly links: readonly PackedLink[];
}

/** As many as Node has threads for it. */
const AT_ONCE = 4;

/** Writes all files below `folder`, and has them on the disk when it returns. @throws the system's error: no space, no right */
export async function writePack(pack: Pack, bytes: Uint8Array, folder: string): Promise<void> {
  const folders = new Set([...pack.files, ...pack.links].map(({ path }) => dirname(join(folder, path))));
  for (const one of folders) await mkdir(one, { recursive: true, mode: 0o755 });
  const rest = pack.blocks.map((block, number) => ({ block, number }));
  const work = async (): Promise<void> => {
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) await writeBlock(pack, bytes, folder, next); // Serial in each lane: memory is bounded.
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await Promise.all(pack.links.map(({ path, target }) => symlink(target, join(folder, path))));
  // One call for the whole file system; file by file takes a second for every thousand, or ten on a busy disk.
  if (spawnSync('sync', ['-f', folder], { stdio: 'ignore' }).status !== 0) for (const { path } of pack.files) await syncFile(join(folder, path));
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function writeBlock(pack: Pack, bytes: Uint8Array, folder: string, { block, number }: { readonly block: Block; readonly number: number }): Promise<void> {
  const content = await promisify(zstdDecompress)(bytes.subarray(block.offset, block.offset + block.bytes));
  for (const file of pack.files.filter((one) => one.block === number)) {
    const handle = await open(join(folder, file.path), 'wx', file.mode); // Serial: descriptors and memory are bounded.
    try {
      await handle.writeFile(content.subarray(file.at, file.at + file.bytes));
      // The umask may have taken rights away that the service account needs.
      await handle.chmod(file.mode);
    } finally {
      await handle.close();
    }
  }
}
