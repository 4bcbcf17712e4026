/** Markers out of bytes, curves thinned, logs searched and collapsed: what needs no process. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { MAX_POINTS } from '../store/job-metrics.ts';
import { collapseLines } from './collapse.ts';
import { searchLog } from './log-search.ts';
import { createMarkerScanner, parseMarker, type Marker } from './markers.ts';
import { strideOf } from './told.ts';

const folder = mkdtempSync(join(tmpdir(), 'studio-told-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a marker is a line of its own; anything else is a line like others', () => {
  assert.deepEqual(parseMarker('::progress 0.4::'), { kind: 'told', progress: { progress: 0.4 } });
  assert.deepEqual(parseMarker('::progress 40% of the epoch'), { kind: 'told', progress: { progress: 0.4 } });
  assert.deepEqual(parseMarker('::progress 7'), { kind: 'told', progress: { progress: 1 } });
  assert.deepEqual(parseMarker('::metric loss=1.5e-3, val/acc=.9 step=-2::\r'), {
    kind: 'told',
    progress: { metrics: { loss: 0.0015, 'val/acc': 0.9, step: -2 } },
  });
  assert.deepEqual(parseMarker('::result {"a": "::"}::'), { kind: 'result', text: '{"a": "::"}' });
  for (const line of ['::progress', '::progress soon::', '::metric loss=nan::', '::other 1::', ' ::progress 1::', 'x'])
    assert.equal(parseMarker(line), undefined, line);
});

test('markers are found however the bytes are cut', () => {
  const text = 'x\n::progress 0.1::\r\nab ::progress 0.2::\n10%\r20%\r::result [1]::\n:\n::\n:::progress 0.3::\r::metric a=1\rend';
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: text.length }), { maxLength: 12 }), (cuts) => {
      const found: Marker[] = [];
      const scanner = createMarkerScanner((marker) => found.push(marker));
      const edges = [0, ...cuts.toSorted((a, b) => a - b), text.length];
      edges.slice(1).forEach((end, index) => scanner.push(Buffer.from(text.slice(edges[index], end))));
      assert.deepEqual(found, [
        { kind: 'told', progress: { progress: 0.1 } },
        { kind: 'result', text: '[1]' },
        { kind: 'told', progress: { metrics: { a: 1 } } },
      ]);
    }),
  );
});

test('a curve keeps at least half of its most points, however long it gets, and what was kept before fits the stride after', () => {
  for (let count = 1; count < 3_000_000; count = Math.ceil(count * 1.37)) {
    const kept = Math.ceil(count / strideOf(count));
    assert.ok(kept <= MAX_POINTS && (count <= MAX_POINTS || kept >= MAX_POINTS / 2), `${count}: ${kept}`);
    assert.equal(strideOf(count * 3) % strideOf(count), 0);
  }
});

const signal = new AbortController().signal;
const search = (text: string, more: object = {}) => searchLog({ path: join(folder, 'log'), text, isExact: false, from: 0, limit: 100, signal, ...more });

test('a search finds each line once, over the edges of what is read at a time, and says where to go on', async () => {
  const filler = `${'y'.repeat(99)}\n`.repeat(2_621);
  // The word lies across the first edge of 256 KiB.
  const head = `${filler}${'z'.repeat(38)}`;
  assert.equal(head.length, 262_144 - 6);
  writeFileSync(join(folder, 'log'), `${head}needle Needle\nplain\nthe NEEDLE é\n`);
  const all = await search('nEEdle');
  assert.deepEqual(
    all.matches.map(({ at, text }) => [at, text]),
    [
      [filler.length, `${'z'.repeat(38)}needle Needle`],
      [head.length + 20, 'the NEEDLE é'],
    ],
  );
  assert.equal(all.next, null);
  const first = await search('needle', { limit: 1 });
  assert.equal(first.next, head.length + 14);
  assert.deepEqual((await search('needle', { limit: 1, from: first.next ?? 0 })).matches, [{ at: head.length + 20, text: 'the NEEDLE é' }]);
  assert.deepEqual((await search('NEEDLE', { isExact: true })).matches.length, 1);
  assert.deepEqual(await search('x', { path: join(folder, 'none') }), { matches: [], next: null, bytes: 0 });
});

test('a line without an end is shown around the match, and does not stop the search', async () => {
  writeFileSync(join(folder, 'log'), `${'a'.repeat(900_000)}needle${'b'.repeat(900_000)}\nneedle two\n`);
  const { matches } = await search('needle');
  assert.ok(matches[0]?.text.includes('needle') === true && matches[0].text.length <= 2_000);
  assert.equal(matches.at(-1)?.text, 'needle two');
});

test('what carriage returns rewrote is left out, however the bytes are cut', async () => {
  const text = 'a\r\n10%\r20%\r\r100%\nplain\n\rx\r';
  for (let size = 1; size <= text.length; size++) {
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) => Buffer.from(text.slice(index * size, (index + 1) * size)));
    const out: Buffer[] = [];
    for await (const part of collapseLines(
      (async function* () {
        yield* pieces;
      })(),
    ))
      out.push(part);
    assert.equal(Buffer.concat(out).toString(), 'a\r\n100%\nplain\nx\r', `pieces of ${size}`);
  }
});
