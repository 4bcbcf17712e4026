import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../kernel/fail.ts';
import { commonPasswordFault } from './common-passwords.ts';
import { hashPassword, isPassword, refuseWeakPassword, temporaryPassword } from './passwords.ts';

test('a password is argon2id at rest, and only itself opens', async () => {
  const stored = await hashPassword('correct horse battery');
  assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.equal(await isPassword(stored, 'correct horse battery'), true);
  assert.equal(await isPassword(stored, 'correct horse batterY'), false);
  assert.equal(await isPassword(stored, ''), false);
});

test('without an account every password is wrong, after the same work', async () => {
  assert.equal(await isPassword(undefined, 'anything'), false);
});

test('the same text from another keyboard is the same password', async () => {
  assert.equal(await isPassword(await hashPassword('Mu\u0308nchen im Regen'), 'M\u00fcnchen im Regen'), true);
});

test('a password of 64 characters, blanks and emoji works whole: nothing is cut off', async () => {
  const long = `${'pass phrase '.repeat(8)}🦀`;
  const stored = await hashPassword(long);
  assert.equal(await isPassword(stored, long), true);
  assert.equal(await isPassword(stored, long.slice(0, 72)), false);
});

for (const password of [
  'password',
  'Password1!',
  'P@ssw0rd',
  '12345678',
  'qwertyuiop',
  '98765432',
  'aaaaaaaa',
  'abababab',
  'abcabcabc',
  'letmein123',
  'Admin2026!',
  'iloveyou',
  'zxcvbnm123',
  '1qaz2wsx',
  'SunShine99',
]) {
  test(`a common password is refused: ${password}`, () => {
    assert.throws(
      () => refuseWeakPassword(password, []),
      (error: unknown) => error instanceof AppError && error.code === 'invalid_body' && /refused/.test(error.message),
    );
  });
}

for (const password of ['correct horse battery', 'gate-Umber-91-plough', 'xk3!vqz9', 'ein satz aus worten', 'пароль из слов длинный', '7f3kq0-mzv1']) {
  test(`a password that is not common is taken, whatever it is made of: ${password}`, () => {
    assert.equal(commonPasswordFault(password), undefined);
    refuseWeakPassword(password, ['ada@example.com', 'ada', 'Ada']);
  });
}

test("one's own address is no password", () => {
  assert.throws(() => refuseWeakPassword('lovelace@example.com', ['lovelace@example.com', 'lovelace']), /your own name/);
  assert.throws(() => refuseWeakPassword('Lovelace12', ['lovelace@example.com', 'lovelace']), /your own name/);
});

test('temporary passwords differ and pass the rules', () => {
  const made = new Set(Array.from({ length: 200 }, temporaryPassword));
  assert.equal(made.size, 200);
  for (const password of made) refuseWeakPassword(password, []);
});
