import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tinyGguf } from '../test/tiny-gguf.ts';
import { readGguf } from './gguf-file.ts';
import { factsOf } from './gguf-shape.ts';
import { GgufError, parseGguf, type Gguf } from './gguf.ts';

const tiny = tinyGguf();

function parsed(bytes: Buffer, fileBytes = bytes.length): Gguf {
  const result = parseGguf(bytes, fileBytes);
  assert.ok(!('needs' in result), 'the header is whole');
  return result;
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};
const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const entry = (key: string, type: number, value: Buffer): Buffer => Buffer.concat([text(key), u32(type), value]);
const arch = entry('general.architecture', 8, text('llama'));

/** A file of given parts; counts may lie. */
function file(parts: {
  pairs?: readonly Buffer[];
  tensors?: readonly Buffer[];
  pairCount?: number | bigint;
  tensorCount?: number | bigint;
  data?: number;
  version?: number;
}): Buffer {
  const { pairs = [arch], tensors = [] } = parts;
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(parts.version ?? 3),
    u64(parts.tensorCount ?? tensors.length),
    u64(parts.pairCount ?? pairs.length),
    ...pairs,
    ...tensors,
  ]);
  return Buffer.concat([head, Buffer.alloc((32 - (head.length % 32)) % 32), Buffer.alloc(parts.data ?? 0)]);
}
const tensor = (name: string, dimensions: readonly (number | bigint)[], type: number, offset: number | bigint): Buffer =>
  Buffer.concat([text(name), u32(dimensions.length), ...dimensions.map(u64), u32(type), u64(offset)]);

function fault(bytes: Buffer, fileBytes = bytes.length): string {
  try {
    parsed(bytes, fileBytes);
  } catch (error) {
    if (error instanceof GgufError) return error.message;
    throw error;
  }
  return 'none';
}

test('a real header tells the model, its layers and every byte of its weights', () => {
  const gguf = parsed(tiny);
  const facts = factsOf(gguf);
  assert.equal(facts.architecture, 'llama');
  assert.equal(facts.contextLength, 2_048);
  assert.ok(facts.shape !== null);
  const { layerBytes, inputBytes, outputBytes, kvHeads } = facts.shape;
  assert.equal(layerBytes.length, 2);
  assert.equal(kvHeads.length, 2);
  const all = gguf.tensors.reduce((sum, one) => sum + one.bytes, 0);
  const tied = gguf.tensors.some((one) => one.name === 'output.weight') ? 0 : inputBytes;
  assert.equal(layerBytes.reduce((sum, bytes) => sum + bytes, 0) + inputBytes + outputBytes - tied, all);
});

test('a header that goes on behind the first bytes asks for more, and only as far as it needs', async () => {
  const first = parseGguf(tiny.subarray(0, 100), tiny.length);
  assert.ok('needs' in first && first.needs > 100 && first.needs <= tiny.length);
  const asked: number[] = [];
  const gguf = await readGguf(async (count) => {
    asked.push(count);
    return tiny.subarray(0, count);
  }, tiny.length);
  assert.equal(gguf.tensors.length, parsed(tiny).tensors.length);
  assert.equal(asked.length, 1);
});

test('what is no GGUF, or of another byte order or version, is named', () => {
  assert.match(fault(Buffer.from('<!DOCTYPE html><html>'.padEnd(64))), /error page/);
  assert.match(fault(file({ version: 1 })), /version 1/);
  assert.match(fault(file({ version: 0x0300_0000 })), /big-endian/);
  assert.match(fault(Buffer.from('GGUF')), /ends inside the version: 4 bytes/);
});

test('counts, lengths and offsets that lie are refused before anything is taken for them', () => {
  assert.match(fault(file({ tensorCount: 1_000_000 })), /1000000 tensors; the limit is 65536/);
  assert.match(fault(file({ tensorCount: 0xffff_ffff_ffff_ffffn })), /can't be/);
  assert.match(fault(file({ pairCount: 70_000 })), /70000 metadata/);
  assert.match(fault(file({ pairs: [Buffer.concat([u64(2n ** 40n), Buffer.alloc(16)])] })), /the limit is 65535/);
  assert.match(fault(file({ pairs: [entry('a', 8, u64(1_000_000))] })), /ends inside "a"/);
  assert.match(fault(file({ pairs: [entry('a', 9, Buffer.concat([u32(4), u64(2n ** 50n)]))] })), /elements; the limit/);
  assert.match(fault(file({ pairs: [entry('a', 9, Buffer.concat([u32(4), u64(16_000_000)]))] })), /ends inside "a"/);
  assert.match(fault(file({ pairs: [entry('a', 77, u32(0))] })), /type 77/);
  assert.match(fault(file({ pairs: [arch, arch] })), /twice/);
  const nested = (depth: number): Buffer => (depth === 0 ? Buffer.concat([u32(0), u64(0)]) : Buffer.concat([u32(9), u64(1), nested(depth - 1)]));
  assert.match(fault(file({ pairs: [entry('a', 9, nested(20))] })), /nested/);
  assert.match(fault(file({ pairs: [arch, entry('general.alignment', 4, u32(24))] })), /power of two/);
});

test('tensors of odd dimensions, types and places are refused', () => {
  assert.equal(fault(file({ tensors: [tensor('a', [32], 0, 0)], data: 128 })), 'none');
  assert.match(fault(file({ tensors: [tensor('a', [32], 0, 0)], data: 127 })), /cut off/);
  assert.match(fault(file({ tensors: [tensor('a', [2n ** 40n, 2n ** 40n], 0, 0)] })), /can't be/);
  assert.match(fault(file({ tensors: [tensor('a', [0], 0, 0)] })), /can't be/);
  assert.match(fault(file({ tensors: [tensor('a', [1, 1, 1, 1, 1], 0, 0)] })), /5 dimensions/);
  assert.match(fault(file({ tensors: [tensor('a', [33], 2, 0)] })), /no multiple of the 32 of Q4_0/);
  assert.match(fault(file({ tensors: [tensor('a', [32], 4_000, 0)] })), /type 4000/);
  assert.match(fault(file({ tensors: [tensor('a', [32], 0, 5)], data: 512 })), /no multiple of 32/);
  assert.match(fault(file({ tensors: [tensor('a', [32], 0, 0), tensor('b', [32], 0, 64)], data: 512 })), /lie on each other/);
  assert.match(fault(file({ tensors: [tensor('a', [32], 0, 0), tensor('a', [32], 0, 128)], data: 512 })), /twice/);
});

test('a model without an architecture, or with more layers than can be, is none', () => {
  assert.throws(() => factsOf(parsed(file({ pairs: [] }))), /general.architecture/);
  const layers = [arch, entry('llama.block_count', 4, u32(4_000_000)), entry('llama.embedding_length', 4, u32(64))];
  assert.throws(() => factsOf(parsed(file({ pairs: layers }))), /10000 layers/);
});

test('every cut of a file, and any bytes changed in it, are read or refused, never anything else', () => {
  for (let length = 0; length < Math.min(tiny.length, 6_000); length += 7) assert.notEqual(fault(tiny.subarray(0, length)), 'none');
  const headerBytes = parsed(tiny).dataOffset;
  const change = fc.array(fc.tuple(fc.nat(headerBytes - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(change, (changes) => {
      const bytes = Buffer.from(tiny);
      for (const [at, value] of changes) bytes[at] = value;
      const result = readOrRefuse(bytes);
      return result === 'read' || result === 'refused';
    }),
    { numRuns: 3_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => readOrRefuse(Buffer.concat([Buffer.from('GGUF'), u32(3), bytes])) !== undefined),
    { numRuns: 3_000 },
  );
});

/** Throws whatever is no clear refusal. */
function readOrRefuse(bytes: Buffer): 'read' | 'refused' {
  try {
    factsOf(parsed(bytes));
    return 'read';
  } catch (error) {
    if (error instanceof GgufError) return 'refused';
    throw error;
  }
}
