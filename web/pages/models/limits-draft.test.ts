import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draftOfLimits, limitFault, limitsOfDraft, limitWords } from './limits-draft.ts';

test('what is empty is not limited, and limits come back as they were', () => {
  const limits = { requestsPerMinute: 60, concurrent: 4 };
  assert.deepEqual(limitsOfDraft(draftOfLimits(limits)), limits);
  assert.deepEqual(limitsOfDraft(draftOfLimits(null)), {});
});

test('what is no whole number within its bounds is said, and not sent', () => {
  for (const typed of ['0', '-1', '1.5', 'x', '10001']) assert.match(limitFault(typed, 10_000) ?? '', /1 to 10,000/);
  assert.equal(limitFault(' 10000 ', 10_000), undefined);
  assert.equal(limitsOfDraft({ requestsPerMinute: 'many', tokensPerMinute: '', concurrent: '' }), undefined);
});

test('limits are said in words', () => {
  assert.equal(limitWords({ requestsPerMinute: 60, tokensPerMinute: 10_000, concurrent: 4 }), '60 requests, 10,000 tokens a minute, 4 at the same time');
  assert.equal(limitWords({ concurrent: 1 }), '1 at the same time');
  assert.equal(limitWords({}), undefined);
  assert.equal(limitWords(null), undefined);
});
