/** Reads the header of a GGUF file: metadata and the list of tensors. Pure; never reads weights, never trusts a number of the file.
 *  One thing to know: every count, length and offset is checked against what is there before it is used, so that an engine in native code
 *  never sees a file that lies. @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
import { tensorTypes, valueBytes } from './gguf-types.ts';

/** Far above any real file (the largest models have a few thousand tensors), far below what would hurt. */
const MAX_TENSORS = 65_536;
const MAX_PAIRS = 65_536;
const MAX_KEY_BYTES = 65_535;
const MAX_TENSOR_NAME_BYTES = 512;
/** Chat templates are the longest texts. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;
/** Vocabularies have a few hundred thousand entries. */
const MAX_ELEMENTS = 16_777_216;
const MAX_NESTING = 4;
/** Longer arrays are counted, checked and left out: vocabularies. Lists of one number a layer are shorter. */
const KEPT_ELEMENTS = 4_096;
/** In all: what a header keeps in memory. */
const MAX_KEPT = 262_144;
const MAX_DIMENSIONS = 4;
/** A whole header with the largest vocabulary known is under 30 MB. */
export const MAX_HEADER_BYTES = 512 * 1024 * 1024;

/** What is wrong with a file, for a person. */
export class GgufError extends Error {
  override readonly name = 'GgufError';
}

/** `items` is null when there are too many to keep. */
export interface GgufArray {
  readonly length: number;
  readonly items: readonly GgufValue[] | null;
}
export type GgufValue = number | boolean | string | GgufArray;

export interface GgufTensor {
  readonly name: string;
  readonly type: string;
  readonly dimensions: readonly number[];
  /** From the start of the data. */
  readonly offset: number;
  readonly bytes: number;
}

export interface Gguf {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  /** Where the data begin in the file. */
  readonly dataOffset: number;
}

/** @param bytes the first bytes of the file  @param fileBytes how long the whole is
 *  @returns `needs` when the header goes on behind `bytes`: how many to bring at least
 *  @throws GgufError that names what is wrong */
export function parseGguf(bytes: Buffer, fileBytes: number): Gguf | { readonly needs: number } {
  const cursor = new Cursor(bytes, fileBytes);
  try {
    return readHeader(cursor);
  } catch (error) {
    if (!(error instanceof NeedsMore)) throw error;
    if (error.needs > MAX_HEADER_BYTES) throw new GgufError(`its header is longer than ${MAX_HEADER_BYTES} bytes, which no model needs`);
    return { needs: error.needs };
  }
}

class NeedsMore extends Error {
  readonly needs: number;
  constructor(needs: number) {
    super('the header goes on');
    this.needs = needs;
  }
}

/** A place in the bytes that never leaves them. */
class Cursor {
  at = 0;
  kept = 0;
  readonly #bytes: Buffer;
  readonly fileBytes: number;
  constructor(bytes: Buffer, fileBytes: number) {
    this.#bytes = bytes;
    this.fileBytes = fileBytes;
  }
  /** @returns where the `count` bytes begin */
  take(count: number, what: string): number {
    const from = this.at;
    const to = from + count;
    if (to > this.fileBytes) throw new GgufError(`it ends inside ${what}: ${this.fileBytes} bytes are there, ${to} are needed; download it again`);
    if (to > this.#bytes.length) throw new NeedsMore(to);
    this.at = to;
    return from;
  }
  u32(what: string): number {
    return this.#bytes.readUInt32LE(this.take(4, what));
  }
  /** @throws GgufError above 2^53: no count or length of a real file is */
  u64(what: string): number {
    const value = this.#bytes.readBigUInt64LE(this.take(8, what));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new GgufError(`${what} is ${value}, which can't be`);
    return Number(value);
  }
  text(what: string, maxBytes: number): string {
    const length = this.u64(`the length of ${what}`);
    if (length > maxBytes) throw new GgufError(`${what} has ${length} bytes; the limit is ${maxBytes}`);
    const from = this.take(length, what);
    return this.#bytes.toString('utf8', from, from + length);
  }
  skipText(what: string): void {
    const length = this.u64(`the length of ${what}`);
    if (length > MAX_TEXT_BYTES) throw new GgufError(`${what} has ${length} bytes; the limit is ${MAX_TEXT_BYTES}`);
    this.take(length, what);
  }
  scalar(type: number, what: string): number | boolean {
    const from = this.take(valueBytes.get(type) ?? 0, what);
    const bytes = this.#bytes;
    switch (type) {
      case 0:
        return bytes.readUInt8(from);
      case 1:
        return bytes.readInt8(from);
      case 2:
        return bytes.readUInt16LE(from);
      case 3:
        return bytes.readInt16LE(from);
      case 4:
        return bytes.readUInt32LE(from);
      case 5:
        return bytes.readInt32LE(from);
      case 6:
        return bytes.readFloatLE(from);
      case 7:
        return bytes.readUInt8(from) !== 0;
      case 10:
        return Number(bytes.readBigUInt64LE(from));
      case 11:
        return Number(bytes.readBigInt64LE(from));
      default:
        return bytes.readDoubleLE(from);
    }
  }
}

function readHeader(cursor: Cursor): Gguf {
  const magic = cursor.u32('the magic number');
  if (magic !== 0x46554747) throw new GgufError('it does not begin with "GGUF"; it is another kind of file, or an error page saved as a model');
  const version = cursor.u32('the version');
  if (version === 0x0200_0000 || version === 0x0300_0000) throw new GgufError('its numbers are big-endian; take the little-endian file');
  if (version !== 2 && version !== 3) throw new GgufError(`it is of GGUF version ${version}; 2 and 3 are read. Convert it again`);
  const tensorCount = cursor.u64('the number of tensors');
  const pairCount = cursor.u64('the number of metadata');
  if (tensorCount > MAX_TENSORS) throw new GgufError(`it names ${tensorCount} tensors; the limit is ${MAX_TENSORS}`);
  if (pairCount > MAX_PAIRS) throw new GgufError(`it names ${pairCount} metadata; the limit is ${MAX_PAIRS}`);
  const metadata = readMetadata(cursor, pairCount);
  const alignment = alignmentOf(metadata);
  const tensors = readTensors(cursor, tensorCount, alignment);
  const dataOffset = Math.ceil(cursor.at / alignment) * alignment;
  requireInside(tensors, dataOffset, cursor.fileBytes);
  return { version, metadata, tensors, dataOffset };
}

function readMetadata(cursor: Cursor, count: number): ReadonlyMap<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < count; index++) {
    const key = cursor.text(`the name of metadata ${index}`, MAX_KEY_BYTES);
    if (metadata.has(key)) throw new GgufError(`the metadata "${shown(key)}" stand there twice`);
    metadata.set(key, readValue(cursor, cursor.u32(`the type of "${shown(key)}"`), `"${shown(key)}"`));
  }
  return metadata;
}

function readValue(cursor: Cursor, type: number, what: string, depth = 0): GgufValue {
  if (type === 8) return cursor.text(what, MAX_TEXT_BYTES);
  if (type !== 9) {
    if (!valueBytes.has(type)) throw new GgufError(`${what} is of type ${type}, which GGUF has not`);
    return cursor.scalar(type, what);
  }
  if (depth === MAX_NESTING) throw new GgufError(`${what} is nested more than ${MAX_NESTING} deep`);
  const of = cursor.u32(`the element type of ${what}`);
  const length = cursor.u64(`the length of ${what}`);
  if (length > MAX_ELEMENTS) throw new GgufError(`${what} has ${length} elements; the limit is ${MAX_ELEMENTS}`);
  cursor.kept += Math.min(length, KEPT_ELEMENTS + 1);
  if (cursor.kept > MAX_KEPT) throw new GgufError(`its metadata hold more than ${MAX_KEPT} values in lists`);
  const fixed = valueBytes.get(of);
  if (fixed !== undefined && length > KEPT_ELEMENTS) {
    cursor.take(length * fixed, what);
    return { length, items: null };
  }
  if (of === 8 && length > KEPT_ELEMENTS) {
    for (let index = 0; index < length; index++) cursor.skipText(what);
    return { length, items: null };
  }
  if (of === 9 && length > KEPT_ELEMENTS) throw new GgufError(`${what} holds ${length} lists; the limit is ${KEPT_ELEMENTS}`);
  const items: GgufValue[] = [];
  for (let index = 0; index < length; index++) items.push(readValue(cursor, of, what, depth + 1));
  return { length, items };
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || !Number.isInteger(alignment) || alignment < 8 || alignment > 1_048_576 || (alignment & (alignment - 1)) !== 0)
    throw new GgufError(`general.alignment is ${JSON.stringify(alignment)}; a power of two from 8 to 1048576 is meant`);
  return alignment;
}

function readTensors(cursor: Cursor, count: number, alignment: number): readonly GgufTensor[] {
  const names = new Set<string>();
  const tensors: GgufTensor[] = [];
  for (let index = 0; index < count; index++) {
    const tensor = readTensor(cursor, index);
    if (names.has(tensor.name)) throw new GgufError(`the tensor "${shown(tensor.name)}" stands there twice`);
    if (tensor.offset % alignment !== 0)
      throw new GgufError(`the tensor "${shown(tensor.name)}" begins at ${tensor.offset}, which is no multiple of ${alignment}`);
    names.add(tensor.name);
    tensors.push(tensor);
  }
  return tensors;
}

function readTensor(cursor: Cursor, index: number): GgufTensor {
  const name = cursor.text(`the name of tensor ${index}`, MAX_TENSOR_NAME_BYTES);
  const what = `the tensor "${shown(name)}"`;
  const dimensionCount = cursor.u32(`the dimensions of ${what}`);
  if (dimensionCount > MAX_DIMENSIONS) throw new GgufError(`${what} has ${dimensionCount} dimensions; the limit is ${MAX_DIMENSIONS}`);
  const dimensions: number[] = [];
  for (let at = 0; at < dimensionCount; at++) dimensions.push(cursor.u64(`dimension ${at} of ${what}`));
  const type = cursor.u32(`the type of ${what}`);
  const known = tensorTypes.get(type);
  if (known === undefined) throw new GgufError(`${what} is of type ${type}, which this version does not know`);
  const [typeName, blockElements, blockBytes] = known;
  const elements = dimensions.reduce((product, dimension) => product * dimension, 1);
  if (!Number.isSafeInteger(elements) || elements === 0) throw new GgufError(`${what} has the dimensions ${dimensions.join(' × ')}, which can't be`);
  if ((dimensions[0] ?? 1) % blockElements !== 0)
    throw new GgufError(`a row of ${what} has ${dimensions[0] ?? 1} elements, no multiple of the ${blockElements} of ${typeName}`);
  return { name, type: typeName, dimensions, offset: cursor.u64(`the offset of ${what}`), bytes: (elements / blockElements) * blockBytes };
}

/** Every tensor lies in the file, and none on another. */
function requireInside(tensors: readonly GgufTensor[], dataOffset: number, fileBytes: number): void {
  let end = 0;
  let before = '';
  for (const tensor of tensors.toSorted((a, b) => a.offset - b.offset)) {
    if (tensor.offset < end) throw new GgufError(`the tensors "${shown(before)}" and "${shown(tensor.name)}" lie on each other`);
    end = tensor.offset + tensor.bytes;
    before = tensor.name;
    if (dataOffset + end > fileBytes)
      throw new GgufError(
        `the tensor "${shown(tensor.name)}" ends at byte ${dataOffset + end}, but the file has ${fileBytes}: it is cut off; download it again`,
      );
  }
}

/** A name of the file, for a message. */
function shown(text: string): string {
  return text
    .slice(0, 80)
    .replaceAll(/[\u0000-\u001f\u007f-\u009f"]/g, '·')
    .toWellFormed();
}
