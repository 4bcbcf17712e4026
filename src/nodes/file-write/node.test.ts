import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../../contract/endpoint.ts';
import type { NodeContext } from '../kit.ts';
import { fileWrite } from './node.ts';

async function write(content: Json): Promise<string> {
  let written = '';
  const context = {
    signal: new AbortController().signal,
    files: {
      async write(path: string, bytes: Buffer) {
        written = bytes.toString();
        return { path, bytes: bytes.length, sha256: 'x' };
      },
    },
  } as unknown as NodeContext;
  const result = await fileWrite.run(fileWrite.params.parse({ path: 'a.txt', content }), context);
  assert.deepEqual(result, { kind: 'output', output: { path: 'a.txt', bytes: Buffer.byteLength(written), sha256: 'x' } });
  return written;
}

describe('file.write', () => {
  it('writes a text as it is, and anything else as JSON', async () => {
    assert.equal(await write('ä\n'), 'ä\n');
    assert.equal(await write({ a: [1] }), '{\n  "a": [\n    1\n  ]\n}\n');
    assert.equal(await write(null), 'null\n');
  });
});
