/** Two changes to the Node that goes into the single executable: what only debuggers read is left out (30 MB), and libatomic is not asked for, which
 *  small systems lack. Works on 64-bit little-endian ELF files in memory; never changes what runs. */

const SHF_ALLOC = 2n;
const [PT_LOAD, PT_DYNAMIC, PF_X] = [1, 2, 1];
const [DT_NULL, DT_NEEDED, DT_STRTAB, DT_SYMTAB, DT_PLTRELSZ, DT_JMPREL] = [0n, 1n, 5n, 6n, 2n, 23n];
const [DT_FLAGS, DT_VERSYM, DT_VERNEED, DT_VERNEEDNUM] = [30n, 0x6ffffff0n, 0x6ffffffen, 0x6fffffffn];
const DF_BIND_NOW = 8n;
const [R_X86_64_JUMP_SLOT, R_X86_64_RELATIVE] = [7, 8n];
const EM_X86_64 = 62;

/** Leaves out the sections that are not loaded. @returns a shorter file */
export function withoutDebugSections(elf: Buffer): Buffer {
  const [table, size, count, names] = [Number(elf.readBigUInt64LE(40)), elf.readUInt16LE(58), elf.readUInt16LE(60), elf.readUInt16LE(62)];
  const headers = Array.from({ length: count }, (_, index) => elf.subarray(table + index * size, table + (index + 1) * size));
  const isLoaded = (header: Buffer): boolean => (header.readBigUInt64LE(8) & SHF_ALLOC) !== 0n;
  const kept = headers
    .map((header, index) => ({ header: Buffer.from(header), index }))
    .filter(({ header, index }) => index === 0 || index === names || isLoaded(header));
  const numbers = new Map(kept.map(({ index }, number) => [index, number]));
  const end = Math.max(...loads(elf).map(({ offset, fileBytes }) => offset + fileBytes));
  const nameHeader = headers[names] ?? Buffer.alloc(size);
  const nameBytes = elf.subarray(Number(nameHeader.readBigUInt64LE(24)), Number(nameHeader.readBigUInt64LE(24) + nameHeader.readBigUInt64LE(32)));
  const start = Math.ceil((end + nameBytes.length) / 16) * 16;
  const made = Buffer.alloc(start + kept.length * size);
  elf.copy(made, 0, 0, end);
  nameBytes.copy(made, end);
  for (const [number, { header, index }] of kept.entries()) {
    if (index === names) header.writeBigUInt64LE(BigInt(end), 24);
    // Links to other sections go by number.
    header.writeUInt32LE(numbers.get(header.readUInt32LE(40)) ?? 0, 40);
    header.copy(made, start + number * size);
  }
  made.writeBigUInt64LE(BigInt(start), 40);
  made.writeUInt16LE(kept.length, 60);
  made.writeUInt16LE(numbers.get(names) ?? 0, 62);
  return made;
}

/** bool __atomic_compare_exchange(size, place, expected, desired, …) for 1, 2, 4 and 8 bytes, in x86-64, assembled from
 *  `cmp $8,%rdi; je; … mov (%rdx),%rax; mov (%rcx),%rcx; lock cmpxchg %rcx,(%rsi); mov %rax,(%rdx); …; sete %al; movzbl %al,%eax; ret`; of another size: ud2. */
const COMPARE_EXCHANGE = Buffer.from(
  '4883ff0874144883ff04741e4883ff0174344883ff02741e0f0b488b0248' +
    '8b09f0480fb10e488902eb268b028b09f00fb10e8902eb1a668b02668b0966f00fb10e668902eb0a8a028a09f00fb00e88020f94c00fb6c0c3',
  'hex',
);
const SYMBOL = '__atomic_compare_exchange';
const LIBRARY = 'libatomic.so.1';

/** Puts the one function of libatomic that Node calls into the free rest of its last page of code, and takes the library off the list of those needed.
 *  Changes `elf` in place. @returns why it was left as it is, undefined when it needs the library no more */
export function dropLibatomic(elf: Buffer): string | undefined {
  if (elf.readUInt16LE(18) !== EM_X86_64) return `done for x64 only, and ${LIBRARY} is needed where it starts`;
  const dynamic = readDynamic(elf);
  const entry = dynamic.find(({ tag, value }) => tag === DT_NEEDED && textAt(elf, dynamic, value) === LIBRARY);
  if (entry === undefined) return undefined;
  if ((valueOf(dynamic, DT_FLAGS) & DF_BIND_NOW) === 0n) return `its functions are bound late, and ${LIBRARY} is needed where it starts`;
  const needs = readVersionNeeds(elf, dynamic);
  const need = needs.find(({ file }) => file === LIBRARY);
  const relocations = need === undefined ? [] : readJumps(elf, dynamic).filter(({ version }) => need.versions.includes(version));
  const [only] = relocations;
  if (need === undefined || only === undefined || relocations.length !== 1 || only.symbol !== SYMBOL)
    return `it calls other functions of ${LIBRARY} than ${SYMBOL} (${relocations.map(({ symbol }) => symbol).join(', ')}), and the library is needed where it starts`;
  const address = putCode(elf, COMPARE_EXCHANGE);
  if (address === undefined) return `no room is left in its code, and ${LIBRARY} is needed where it starts`;
  elf.writeBigUInt64LE(R_X86_64_RELATIVE, only.at + 8);
  elf.writeBigInt64LE(address, only.at + 16);
  elf.writeUInt16LE(1, only.versionAt);
  unlinkNeed(elf, dynamic, needs, need);
  // The rest moves up, over the entry that goes.
  const last = dynamic.at(-1);
  if (last !== undefined) elf.copy(elf, entry.at, entry.at + 16, last.at + 16);
  return undefined;
}

interface Load {
  /** Of its program header. */
  readonly at: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
}

function segments(elf: Buffer, type: number): readonly Load[] {
  const [table, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => table + index * size)
    .filter((at) => elf.readUInt32LE(at) === type)
    .map((at) => ({
      at,
      flags: elf.readUInt32LE(at + 4),
      offset: Number(elf.readBigUInt64LE(at + 8)),
      address: Number(elf.readBigUInt64LE(at + 16)),
      fileBytes: Number(elf.readBigUInt64LE(at + 32)),
    }));
}

function loads(elf: Buffer): readonly Load[] {
  return segments(elf, PT_LOAD);
}

function offsetOf(elf: Buffer, address: bigint): number {
  const where = Number(address);
  const load = loads(elf).find((one) => where >= one.address && where < one.address + one.fileBytes);
  if (load === undefined) throw new Error(`the address ${where.toString(16)} is in no segment of the Node that was read`);
  return load.offset + where - load.address;
}

interface Dynamic {
  readonly at: number;
  readonly tag: bigint;
  readonly value: bigint;
}

/** Up to and with the entry that ends them. */
function readDynamic(elf: Buffer): readonly Dynamic[] {
  const [segment] = segments(elf, PT_DYNAMIC);
  const entries: Dynamic[] = [];
  for (let at = segment?.offset ?? elf.length; at + 16 <= elf.length; at += 16) {
    entries.push({ at, tag: elf.readBigInt64LE(at), value: elf.readBigUInt64LE(at + 8) });
    if (entries.at(-1)?.tag === DT_NULL) break;
  }
  return entries;
}

function valueOf(dynamic: readonly Dynamic[], tag: bigint): bigint {
  return dynamic.find((one) => one.tag === tag)?.value ?? 0n;
}

function textAt(elf: Buffer, dynamic: readonly Dynamic[], index: bigint): string {
  const from = offsetOf(elf, valueOf(dynamic, DT_STRTAB) + index);
  return elf.toString('latin1', from, elf.indexOf(0, from));
}

interface Need {
  readonly at: number;
  readonly file: string;
  readonly next: number;
  /** As the table of symbols' versions names them. */
  readonly versions: readonly number[];
}

function readVersionNeeds(elf: Buffer, dynamic: readonly Dynamic[]): readonly Need[] {
  const needs: Need[] = [];
  let at = offsetOf(elf, valueOf(dynamic, DT_VERNEED));
  for (let left = valueOf(dynamic, DT_VERNEEDNUM); left > 0n; left--) {
    const versions: number[] = [];
    let aux = at + elf.readUInt32LE(at + 8);
    for (let more = elf.readUInt16LE(at + 2); more > 0; more--) {
      versions.push(elf.readUInt16LE(aux + 6));
      aux += elf.readUInt32LE(aux + 12);
    }
    const next = elf.readUInt32LE(at + 12);
    needs.push({ at, file: textAt(elf, dynamic, BigInt(elf.readUInt32LE(at + 4))), next, versions });
    at += next;
  }
  return needs;
}

/** Takes one out of the chain of needed versions: the loader refuses a version of a file that it does not load. */
function unlinkNeed(elf: Buffer, dynamic: readonly Dynamic[], needs: readonly Need[], need: Need): void {
  const before = needs[needs.indexOf(need) - 1];
  const [first, count] = [dynamic.find(({ tag }) => tag === DT_VERNEED), dynamic.find(({ tag }) => tag === DT_VERNEEDNUM)];
  if (before !== undefined) elf.writeUInt32LE(need.next === 0 ? 0 : before.next + need.next, before.at + 12);
  else if (first !== undefined) elf.writeBigUInt64LE(first.value + BigInt(need.next), first.at + 8);
  if (count !== undefined) elf.writeBigUInt64LE(count.value - 1n, count.at + 8);
}

interface Jump {
  readonly at: number;
  readonly symbol: string;
  readonly version: number;
  readonly versionAt: number;
}

function readJumps(elf: Buffer, dynamic: readonly Dynamic[]): readonly Jump[] {
  const table = offsetOf(elf, valueOf(dynamic, DT_JMPREL));
  const count = Number(valueOf(dynamic, DT_PLTRELSZ)) / 24;
  return Array.from({ length: count }, (_, index) => table + index * 24).flatMap((at) => {
    if (elf.readUInt32LE(at + 8) !== R_X86_64_JUMP_SLOT) return [];
    const number = elf.readUInt32LE(at + 12);
    const symbolAt = offsetOf(elf, valueOf(dynamic, DT_SYMTAB) + BigInt(number * 24));
    const versionAt = offsetOf(elf, valueOf(dynamic, DT_VERSYM) + BigInt(number * 2));
    return [{ at, symbol: textAt(elf, dynamic, BigInt(elf.readUInt32LE(symbolAt))), version: elf.readUInt16LE(versionAt), versionAt }];
  });
}

/** Pages are loaded whole: what is between the end of the code and of its last page is free. @returns its address */
function putCode(elf: Buffer, code: Buffer): bigint | undefined {
  const load = loads(elf).find(({ flags }) => (flags & PF_X) !== 0);
  if (load === undefined) return undefined;
  const from = Math.ceil((load.offset + load.fileBytes) / 16) * 16;
  const pageEnd = Math.ceil((load.offset + load.fileBytes) / 4096) * 4096;
  const isFree = from + code.length <= pageEnd && elf.subarray(load.offset + load.fileBytes, from + code.length).every((byte) => byte === 0);
  if (!isFree) return undefined;
  code.copy(elf, from);
  const bytes = BigInt(from + code.length - load.offset);
  elf.writeBigUInt64LE(bytes, load.at + 32);
  elf.writeBigUInt64LE(bytes, load.at + 40);
  return BigInt(load.address + from - load.offset);
}
