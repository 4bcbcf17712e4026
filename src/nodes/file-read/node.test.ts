import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../../contract/endpoint.ts';
import { NodeError, type NodeContext } from '../kit.ts';
import { fileRead } from './node.ts';

async function read(bytes: Buffer | string, as: string): Promise<Json> {
  const context = {
    signal: new AbortController().signal,
    files: { read: async () => ({ bytes: Buffer.from(bytes), mediaType: 'text/plain' }) },
  } as unknown as NodeContext;
  const result = await fileRead.run(fileRead.params.parse({ path: 'a/b.txt', as }), context);
  if (result.kind !== 'output') throw new Error('no output');
  return result.output;
}

const failsWith = (code: string) => (error: unknown) => error instanceof NodeError && error.code === code && error.final;

describe('file.read', () => {
  it('reads text, JSON and tables', async () => {
    assert.deepEqual(await read('héllo', 'text'), { path: 'a/b.txt', bytes: 6, content: 'héllo' });
    assert.deepEqual(await read('{"a":[1]}', 'json'), { path: 'a/b.txt', bytes: 9, content: { a: [1] } });
    assert.deepEqual(await read('\ufeffname,n\n"a, b",1\n\nc,2\n', 'csv'), {
      path: 'a/b.txt',
      bytes: 24,
      content: [
        { name: 'a, b', n: '1' },
        { name: 'c', n: '2' },
      ],
    });
  });
  it('tells only the facts of bytes', async () => {
    assert.deepEqual(await read(Buffer.from([0, 255]), 'bytes'), { path: 'a/b.txt', bytes: 2 });
  });
  it('refuses binary as text, and broken JSON and tables, naming the file', async () => {
    await assert.rejects(read(Buffer.from([0x80, 0xff]), 'text'), failsWith('not_text'));
    await assert.rejects(read('{', 'json'), failsWith('not_json'));
    await assert.rejects(read('a,b\n1,2,3\n', 'csv'), failsWith('not_csv'));
  });
  it('takes no path that could lead elsewhere', () => {
    for (const path of ['../x', '/etc/passwd', 'a//b', 'a/./b', 'a\\b', '', 'a\u0000']) assert.equal(fileRead.params.safeParse({ path }).success, false, path);
  });
});
