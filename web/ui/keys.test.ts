import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyLabel, keyName, matchKey } from './keys.ts';

const noop = (): void => undefined;
const event = (key: string, more: Partial<KeyboardEvent> = {}) => ({ key, metaKey: false, ctrlKey: false, altKey: false, shiftKey: false, ...more });

test('keys are named as bindings spell them', () => {
  assert.deepEqual([event('K', { ctrlKey: true }), event('k', { metaKey: true }), event('?'), event('Enter'), event(' ')].map(keyName), [
    'mod+k',
    'mod+k',
    '?',
    'enter',
    'space',
  ]);
});

test('shift is named where it is not in what the key types', () => {
  const shifted = (key: string, more: Partial<KeyboardEvent> = {}) => keyName(event(key, { shiftKey: true, ...more }));
  assert.deepEqual(
    [shifted('?'), shifted('Z', { ctrlKey: true }), shifted('ArrowUp'), shifted('ArrowUp', { altKey: true })],
    ['?', 'mod+shift+z', 'shift+arrowup', 'alt+shift+arrowup'],
  );
});

test('the newest layer wins', () => {
  const old = (): void => undefined;
  const young = (): void => undefined;
  assert.equal(matchKey([{ j: old }, { j: young }], '', 'j').run, young);
});

test('the first key of a sequence waits for the second', () => {
  const run = (): void => undefined;
  assert.deepEqual(matchKey([{ 'g i': run }], '', 'g'), { begins: true });
  assert.equal(matchKey([{ 'g i': run }], 'g', 'i').run, run);
});

test('a sequence that leads nowhere leaves its last key a key of its own', () => {
  assert.equal(matchKey([{ 'g i': noop, j: noop }], 'g', 'j').run, noop);
  assert.deepEqual(matchKey([{ 'g i': noop }], 'g', 'z'), { begins: false });
});

test('key caps follow the keyboard', () => {
  assert.deepEqual([keyLabel('mod+k', true), keyLabel('mod+k', false), keyLabel('g i', false), keyLabel('escape', false)], ['⌘K', 'Ctrl K', 'G then I', 'Esc']);
});
