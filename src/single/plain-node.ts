/** The plain Node inside the single executable: a copy of it that runs files as Node does. Node looks at one byte, the fuse, to know whether it
 *  carries an application; the copy has it off, and a hole where the application was. */
import { open, type FileHandle } from 'node:fs/promises';

/** Followed by `:1` where an application was put in, `:0` where not. In two pieces: this text must not be found in the executable a second time. */
const FUSE = ['NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5', 'df1996b2'].join('');
const CHUNK = 8 * 1024 * 1024;

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Writes it. @throws Error when `executable` carries no application */
export async function writePlainNode(executable: string, path: string): Promise<void> {
  const source = await open(executable, 'r');
  const target = await open(path, 'wx', 0o755);
  try {
    const { size } = await source.stat();
    const hole = await findApplication(source);
    await target.truncate(size);
    const before = await copy(source, target, { from: 0, to: hole.from });
    const after = await copy(source, target, { from: hole.to, to: size });
    if (!before && !after) throw new Error(`${executable} is no single executable: the mark of one is not in it`);
    await target.chmod(0o755);
    await target.datasync();
  } finally {
    await source.close();
    await target.close();
  }
}

/** @returns whether the fuse was in it, and is off now */
async function copy(source: FileHandle, target: FileHandle, { from, to }: Range): Promise<boolean> {
  const mark = Buffer.from(`${FUSE}:1`);
  const buffer = Buffer.allocUnsafe(CHUNK + mark.length);
  let isOff = false;
  for (let at = from; at < to; at += CHUNK) {
    // A little more than is written, so that a mark across two chunks is seen whole.
    const length = Math.min(buffer.length, to - at);
    await source.read(buffer, 0, length, at); // Serial: one buffer.
    const found = buffer.subarray(0, length).indexOf(mark);
    if (found >= 0) {
      buffer[found + mark.length - 1] = 0x30;
      isOff = true;
    }
    await target.write(buffer, 0, length, at);
    if (found >= CHUNK - mark.length) at += mark.length; // Else the next chunk would put the old byte back.
  }
  return isOff;
}

const PT_NOTE = 4;

/** The segment that holds the application: the largest note of the ELF file. */
async function findApplication(file: FileHandle): Promise<Range> {
  const head = Buffer.alloc(64);
  await file.read(head, 0, 64, 0);
  const [offset, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)];
  const table = Buffer.alloc(size * count);
  await file.read(table, 0, table.length, offset);
  const notes = Array.from({ length: count }, (_, index) => table.subarray(index * size, (index + 1) * size)).filter((one) => one.readUInt32LE(0) === PT_NOTE);
  const ranges = notes.map((one) => {
    const from = Number(one.readBigUInt64LE(8));
    return { from, to: from + Number(one.readBigUInt64LE(32)) };
  });
  return ranges.toSorted((a, b) => b.to - b.from - (a.to - a.from))[0] ?? { from: 0, to: 0 };
}
