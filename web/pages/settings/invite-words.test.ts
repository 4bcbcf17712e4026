import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inviteLink, mailWords } from './invite-words.ts';

test('a link lies below the prefix that the browser uses, its token behind the hash', () => {
  assert.equal(inviteLink('sti_x', new URL('https://example.com/studio/')), 'https://example.com/studio/invite#token=sti_x');
});

test('it is said whether the link went out, and why not', () => {
  const invite = { email: 'a@example.com' };
  assert.match(mailWords({ mail: 'sent', invite }).text, /was sent to a@example\.com/);
  assert.match(mailWords({ mail: 'off', invite }).text, /SMTP_URL/);
  const failed = mailWords({ mail: 'failed', mailFault: 'no route', invite });
  assert.equal(failed.tone, 'warn');
  assert.match(failed.text, /no route/);
});
