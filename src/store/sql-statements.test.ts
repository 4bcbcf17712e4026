import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listMigrations } from './migrations.ts';
import { splitStatements } from './sql-statements.ts';

test('statements end at semicolons that stand outside of texts, names, dollar quotes and comments', () => {
  assert.deepEqual(splitStatements(`select 'a;b''c;' ; select "x;y" -- not; here\n; /* nor; /* here; */ ; */ do $$ begin; end $$;\ndo $tag$ $$ ; $tag$`), [
    `select 'a;b''c;'`,
    `select "x;y" -- not; here`,
    `/* nor; /* here; */ ; */ do $$ begin; end $$`,
    `do $tag$ $$ ; $tag$`,
  ]);
});

test('comments and blanks alone are no statement; a text that never ends is one', () => {
  assert.deepEqual(splitStatements(' ; -- nothing\n ; /* nothing */ ;'), []);
  assert.deepEqual(splitStatements(`select 'a;`), [`select 'a`]);
  assert.deepEqual(splitStatements('do $$ ; '), ['do $$ ;']);
});

test('the statements of every migration together are its text', () => {
  const plain = (text: string): string => text.replaceAll(/--[^\n]*|[;\s]/g, '');
  for (const { name, up, down } of listMigrations()) {
    for (const text of [up, down]) {
      const statements = splitStatements(text);
      assert.ok(statements.length > 0, name);
      assert.equal(plain(statements.join('')), plain(text), name);
    }
  }
});
