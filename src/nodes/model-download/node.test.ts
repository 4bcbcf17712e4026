import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import type { InlineNodeType } from '../kit.ts';
import type { DownloadPort } from '../kit-ports.ts';
import { modelDownload } from './node.ts';

const type = modelDownload as InlineNodeType;
const model = { modelId: 'mdl_1', name: 'tiny', bytes: 5, files: [{ name: 'tiny.gguf', bytes: 5, sha256: null }] };

test('it hands on the model, tells how far it is, and remembers what it began for its next attempt', async () => {
  const beats: unknown[] = [];
  const told: unknown[] = [];
  const asked: unknown[] = [];
  const bring: DownloadPort['bring'] = async (wanted, { own, onState }) => {
    asked.push([wanted, own]);
    onState({ downloadId: 'dl_1', isOwn: true, fraction: 0.5, message: 'half' });
    onState({ downloadId: 'dl_1', isOwn: true, fraction: null, message: 'who knows' });
    return model;
  };
  const context = nodeContext({
    details: { own: 'dl_0' },
    downloads: { bring },
    heartbeat: (details) => void beats.push(details),
    progress: (fraction, message) => void told.push([fraction, message]),
  });
  assert.deepEqual(await type.run({ repo: 'acme/tiny' }, context), { kind: 'output', output: model });
  assert.deepEqual(asked, [[{ repo: 'acme/tiny' }, 'dl_0']]);
  assert.deepEqual(beats, [{ own: 'dl_1' }, { own: 'dl_1' }]);
  assert.deepEqual(told, [
    [0.5, 'half'],
    [0, 'who knows'],
  ]);
});

test('a download that somebody else began is none of its own', async () => {
  const bring: DownloadPort['bring'] = async (_wanted, { onState }) => {
    onState({ downloadId: 'dl_1', isOwn: false, fraction: 1, message: 'there' });
    return model;
  };
  // `heartbeat` of this context throws when it is called.
  const result = await type.run({ url: 'https://example.com/x.gguf' }, nodeContext({ downloads: { bring }, progress: () => undefined }));
  assert.equal((result as { readonly kind: string }).kind, 'output');
});

test('a node without a source, or with two, is refused when it is published', () => {
  const problems = (params: Record<string, string>): number => type.check?.({ key: 'a', type: 'model.download', params }).length ?? 0;
  assert.deepEqual([problems({}), problems({ repo: 'a/b', url: 'https://x' }), problems({ repo: 'a/b' }), problems({ url: 'https://x' })], [1, 1, 0, 0]);
});
