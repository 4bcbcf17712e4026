import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aliasesOfText, textOfAliases } from './alias-draft.ts';

test('names come back as they were, whatever the space around them', () => {
  const aliases = { 'gpt-4o': 'qwen3-8b', 'text-embedding-3-small': 'bge-m3' };
  assert.deepEqual(aliasesOfText(`\n${textOfAliases(aliases)}\n\n`), { aliases });
  assert.deepEqual(aliasesOfText('  a=b '), { aliases: { a: 'b' } });
});

test('a line that names nothing, too much or the same again is said by its number', () => {
  assert.deepEqual(aliasesOfText('a = b\nc'), { fault: 'Line 2, “c”, is not of the form  other name = model.' });
  assert.match(JSON.stringify(aliasesOfText('a = b = c')), /Line 1/);
  assert.deepEqual(aliasesOfText('a = b\na = c'), { fault: 'Line 2 names a again.' });
});
