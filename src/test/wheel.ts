/** A Python package as a wheel file, small enough to be written by hand: a zip of one module and its facts. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** Writes `<name>-<version>-py3-none-any.whl` into the folder. */
export function writeWheel(folder: string, wheel: { readonly name: string; readonly version: string; readonly code: string }): void {
  const facts = `${wheel.name}-${wheel.version}.dist-info`;
  const files: [string, string][] = [
    [`${wheel.name}.py`, wheel.code],
    [`${facts}/METADATA`, `Metadata-Version: 2.1\nName: ${wheel.name}\nVersion: ${wheel.version}\n`],
    [`${facts}/WHEEL`, 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n'],
  ];
  const record = files.map(([name, text]) => `${name},sha256=${createHash('sha256').update(text).digest('base64url')},${Buffer.byteLength(text)}`);
  files.push([`${facts}/RECORD`, `${record.join('\n')}\n${facts}/RECORD,,\n`]);
  writeFileSync(join(folder, `${wheel.name}-${wheel.version}-py3-none-any.whl`), zipOf(files), { mode: 0o644 });
}

/** Stored, not compressed. */
function zipOf(files: readonly (readonly [string, string])[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, text] of files) {
    const bytes = Buffer.from(text);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), common, Buffer.from(name), bytes]);
    const made = Buffer.alloc(2);
    made.writeUInt16LE(20, 0);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    directory.push(Buffer.concat([Buffer.from('PK\u0001\u0002'), made, common, rest, Buffer.from(name)]));
    parts.push(local);
    at += local.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(entries.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, entries, Buffer.from('PK\u0005\u0006'), end]);
}
