import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCommands } from './commands.ts';
import type { Command } from './commands.ts';

const command = (id: string, title: string, words?: string): Command => ({ id, title, group: 'Go to', words, run: () => undefined });
const commands = [command('a', 'Pause all triggers'), command('b', 'Instances', 'runs history'), command('c', 'API keys')];

test('all words of a query must be found, in any order', () => {
  assert.deepEqual(
    findCommands(commands, 'triggers pau').map((one) => one.id),
    ['a'],
  );
  assert.deepEqual(findCommands(commands, 'triggers xyz'), []);
});

test('the start of a title counts more than the start of a word, and that more than its middle', () => {
  const titles = [command('mid', 'Tokenkeys'), command('word', 'API keys'), command('start', 'Keys')];
  assert.deepEqual(
    findCommands(titles, 'keys').map((one) => one.id),
    ['start', 'word', 'mid'],
  );
});

test('other words find a command too, and no query keeps the order', () => {
  assert.deepEqual(
    findCommands(commands, 'runs').map((one) => one.id),
    ['b'],
  );
  assert.deepEqual(
    findCommands(commands, '').map((one) => one.id),
    ['a', 'b', 'c'],
  );
});
