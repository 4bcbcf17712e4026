/** The history of a step. */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { Step } from '../../src/contract/instances.ts';
import { stepHistory, type StepAttempt } from './step-history.ts';
import { sampleStep } from './step-sample.ts';

const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`;
const step = (changes: Partial<Step>): Step => sampleStep('a', { startedAt: at(1), endedAt: at(2), ...changes });
const attempt = (changes: Partial<StepAttempt>): StepAttempt => ({
  generation: 1,
  attempt: 1,
  status: 'completed',
  startedAt: at(1),
  endedAt: at(2),
  ...changes,
});
const lines = (generations: Step[], attempts: StepAttempt[]): unknown[] =>
  stepHistory(generations, attempts).map((one) => [one.at, one.title, one.detail].filter((part) => part !== '' && part !== null).join(' | '));

test('queue, attempts with their errors, and the end stand in order', () => {
  const failed = attempt({ attempt: 1, status: 'failed', startedAt: at(2), endedAt: at(3), error: { code: 'exit', message: 'exit code 3' } });
  const second = attempt({ attempt: 2, startedAt: at(5), endedAt: at(6) });
  deepEqual(lines([step({ queuedAt: at(1), endedAt: at(6), jobId: 'job_1', workerId: 'w1', attempt: 2 })], [second, failed]), [
    `${at(1)} | Put on the queue | job_1`,
    `${at(2)} | Attempt 1 started | w1`,
    `${at(3)} | Attempt 1 failed | exit code 3`,
    `${at(5)} | Attempt 2 started | w1`,
    `${at(6)} | Attempt 2 completed`,
  ]);
});

test('a later generation follows the one before', () => {
  deepEqual(
    lines([step({ generation: 2, startedAt: at(8), endedAt: at(9) }), step({})], [attempt({ generation: 2, startedAt: at(8), endedAt: at(9) }), attempt({})]),
    [`${at(1)} | Started`, `${at(2)} | Completed`, `${at(8)} | Run 2 started`, `${at(9)} | Run 2 completed`],
  );
});

test('what never began says why, and what waits says for what', () => {
  deepEqual(lines([step({ status: 'skipped', startedAt: null, reason: 'the other branch was taken' })], []), [
    `${at(2)} | Skipped | the other branch was taken`,
  ]);
  const waits = step({ status: 'waiting', endedAt: null, waitReason: { kind: 'approval', message: 'Waits for Ada' } });
  deepEqual(lines([waits], [attempt({ status: 'waiting', endedAt: null })]), [`${at(1)} | Started`, 'Waits | Waits for Ada']);
});
