import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { domainVerdicts } from '../../../src/contract/values.ts';
import { verdictStatus, verdictWords } from './domain-words.ts';

test('only what leads here through the tunnel is well; beside it is a warning, the rest failed', () => {
  deepEqual(
    [undefined, ...domainVerdicts].map((verdict) => `${verdictWords(verdict)}: ${verdictStatus(verdict)}`),
    [
      'Not verified yet: pending',
      'Works: ok',
      'Not through the tunnel: degraded',
      'Not in the DNS: failed',
      'Points elsewhere: failed',
      'No answer: failed',
      'Another answers: failed',
    ],
  );
});
