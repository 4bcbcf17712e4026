import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClaimedJob } from '../store/job-claims.ts';
import { fakeClock } from '../test/fake-clock.ts';
import type { RunParts } from './parts.ts';
import { armTimeout, createRunning } from './running.ts';

const claimed = { job: { id: 'job_1' }, timeoutMs: 60_000 } as ClaimedJob;

for (const [what, jumpMs] of [
  ['forwards', 30 * 86_400_000],
  ['back', -3_600_000],
] as const)
  test(`a clock that is set ${what} neither ends a job early nor keeps it longer`, async () => {
    const clock = fakeClock();
    const running = createRunning(claimed, { clock, workspacePath: '/nowhere' } as unknown as RunParts, 10_000);
    clock.jump(jumpMs);
    await clock.advance(1_000);
    const disarm = armTimeout(running);
    await clock.advance(48_000);
    assert.equal(running.order, undefined);
    clock.jump(jumpMs);
    await clock.advance(1_000);
    assert.deepEqual(running.order, { kind: 'timeout', limitMs: 60_000 });
    disarm();
  });
