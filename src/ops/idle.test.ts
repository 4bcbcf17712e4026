import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { idlePolicy, type IdlePolicy } from '../contract/idle.ts';
import { decideIdle, freshMemory, type IdleDecision, type IdleMemory } from './idle.ts';

const MINUTE = 60_000;
const on = idlePolicy.parse({ enabled: true, afterMs: 30 * MINUTE, warnMs: 5 * MINUTE });
const working = [{ what: 'jobs', message: 'a job runs' }];

/** Looks once a minute, from `busyMs` on nothing goes on. */
function day(policy: IdlePolicy, busy: (minute: number) => boolean, minutes: number): { readonly minute: number; readonly act: IdleDecision['act'] }[] {
  const acts: { minute: number; act: IdleDecision['act'] }[] = [];
  let memory: IdleMemory = freshMemory;
  for (let minute = 0; minute < minutes; minute++) {
    const decision = decideIdle(policy, { nowMs: minute * MINUTE, busy: busy(minute) ? working : [], lastActivityMs: 0 }, memory);
    memory = decision.memory;
    if (decision.act !== 'none') acts.push({ minute, act: decision.act });
  }
  return acts;
}

test('off, nothing ever happens', () => {
  deepEqual(
    day(idlePolicy.parse({}), () => false, 1_440),
    [],
  );
});

test('idle, it is warned of first, then acted; what came to nothing is tried again', () => {
  deepEqual(
    day(on, (minute) => minute < 10, 62),
    [
      { minute: 35, act: 'warn' },
      { minute: 40, act: 'act' },
      { minute: 50, act: 'act' },
      { minute: 60, act: 'act' },
    ],
  );
});

test('work after a warning calms it, and the time begins anew', () => {
  deepEqual(
    day(on, (minute) => minute === 0 || minute === 27, 60),
    [
      { minute: 26, act: 'warn' },
      { minute: 27, act: 'calm' },
      { minute: 53, act: 'warn' },
      { minute: 58, act: 'act' },
    ],
  );
});

test('what ended between two looks counts, and so does a wish to stay awake', () => {
  const warned: IdleMemory = { idleSinceMs: 0, warnedAtMs: 26 * MINUTE, actedAtMs: null, keepAwakeUntilMs: null };
  const touched = decideIdle(on, { nowMs: 29 * MINUTE, busy: [], lastActivityMs: 28 * MINUTE }, warned);
  deepEqual([touched.act, touched.memory.idleSinceMs], ['calm', 28 * MINUTE]);
  const kept = decideIdle(on, { nowMs: 31 * MINUTE, busy: [], lastActivityMs: 0 }, { ...warned, keepAwakeUntilMs: 90 * MINUTE });
  deepEqual([kept.act, kept.memory.idleSinceMs], ['calm', null]);
});

test('on any day: never while something goes on, never without a warning in time, and always in the end', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 0, max: 90 }),
      (busy, afterMinutes, warnMinutes) => {
        const policy = { ...on, afterMs: afterMinutes * MINUTE, warnMs: warnMinutes * MINUTE };
        const minutes = busy.length + afterMinutes + warnMinutes + 2;
        const acts = day(policy, (minute) => busy[minute] === true, minutes);
        for (const { minute, act } of acts.filter((one) => one.act === 'act')) {
          equal(busy[minute] === true, false, `${act} at ${minute} while busy`);
          const warned = acts.findLast((one) => one.minute <= minute && one.act === 'warn');
          ok(warned !== undefined && minute - warned.minute >= warnMinutes, `no warning ${warnMinutes} minutes before ${minute}`);
          for (let quiet = warned.minute; quiet <= minute; quiet++) equal(busy[quiet] === true, false);
        }
        ok(
          acts.some((one) => one.act === 'act'),
          'it never acted',
        );
      },
    ),
  );
});
