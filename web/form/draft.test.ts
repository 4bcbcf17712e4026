/** Drafts: saved as one types, never lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDraft } from './draft.ts';
import type { Draft } from './draft.ts';

interface Bench {
  readonly draft: Draft;
  readonly sent: string[];
  readonly kept: () => string | undefined;
  /** Runs the timer that is set. */
  readonly tick: () => Promise<void>;
}

function bench(save: (text: string, etag: string | undefined, count: number) => Promise<{ etag: string }>): Bench {
  const sent: string[] = [];
  let kept: string | undefined;
  let timer: (() => void) | undefined;
  const draft = createDraft(
    {
      save: (text, etag) => {
        sent.push(text);
        return save(text, etag, sent.length);
      },
      keep: (text) => void (kept = text),
      drop: () => void (kept = undefined),
      now: () => 1,
      later: (run) => {
        timer = run;
        return () => void (timer = undefined);
      },
    },
    'e1',
  );
  const tick = async (): Promise<void> => {
    timer?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { draft, sent, kept: () => kept, tick };
}

test('typing is kept at once and sent once it pauses', async () => {
  const { draft, sent, kept, tick } = bench(async () => ({ etag: 'e2' }));
  draft.type('a');
  draft.type('ab');
  assert.equal(kept(), 'ab');
  assert.deepEqual(sent, []);
  await tick();
  assert.deepEqual(sent, ['ab']);
  assert.equal(draft.state.value.kind, 'saved');
  assert.equal(draft.etag(), 'e2');
  assert.equal(kept(), undefined);
});

test('what is typed while a request is under way goes in the next one', async () => {
  let answer = (_: { etag: string }): void => {};
  const { draft, sent, kept, tick } = bench((_text, _etag, count) =>
    count === 1 ? new Promise((resolve) => (answer = resolve)) : Promise.resolve({ etag: 'e3' }),
  );
  draft.type('a');
  await tick();
  draft.type('ab');
  answer({ etag: 'e2' });
  await tick();
  await tick();
  assert.deepEqual(sent, ['a', 'ab']);
  assert.equal(kept(), undefined);
  assert.equal(draft.etag(), 'e3');
});

test('a lost connection keeps the text in the browser and tries again', async () => {
  const { draft, sent, kept, tick } = bench((_text, _etag, count) => (count === 1 ? Promise.reject(new Error('no route')) : Promise.resolve({ etag: 'e2' })));
  draft.type('a');
  await tick();
  assert.equal(draft.state.value.kind, 'offline');
  assert.equal(kept(), 'a');
  await tick();
  assert.deepEqual(sent, ['a', 'a']);
  assert.equal(draft.state.value.kind, 'saved');
});

test('a second writer stops the sending until someone chose', async () => {
  const { draft, sent, kept, tick } = bench((_text, etag) =>
    etag === 'e1' ? Promise.reject(Object.assign(new Error('stale'), { status: 412 })) : Promise.resolve({ etag: 'e9' }),
  );
  draft.type('mine');
  await tick();
  assert.equal(draft.state.value.kind, 'conflict');
  draft.type('mine too');
  await tick();
  assert.deepEqual(sent, ['mine']);
  assert.equal(kept(), 'mine too');
  await draft.keepMine('e8');
  assert.deepEqual(sent, ['mine', 'mine too']);
  assert.equal(draft.state.value.kind, 'saved');
});

test('taking theirs forgets ours', async () => {
  const { draft, kept, sent, tick } = bench(() => Promise.reject(Object.assign(new Error('stale'), { status: 412 })));
  draft.type('mine');
  await tick();
  draft.adopt('e8');
  assert.equal(kept(), undefined);
  assert.equal(draft.state.value.kind, 'clean');
  await tick();
  assert.equal(sent.length, 1);
});

test('flush waits until everything is stored', async () => {
  const { draft, sent } = bench(async () => ({ etag: 'e2' }));
  draft.type('a');
  await draft.flush();
  assert.deepEqual(sent, ['a']);
  assert.equal(draft.state.value.kind, 'saved');
});
