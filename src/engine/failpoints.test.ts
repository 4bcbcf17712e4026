/** Every failpoint there is: this process dies right there, and right after the first commit that follows. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { failpointNames, fromText, type FailpointName } from '../kernel/failpoint.ts';
import { runStorm } from '../test/chaos/storm.ts';
import type { StormStrike } from '../test/chaos/storm-strikes.ts';
import { root } from '../test/source-files.ts';

/** Points that no engine passes, and the test that crashes at them. */
const elsewhere: Partial<Record<FailpointName, string>> = {
  'notify.before_commit': 'src/notify/crash.test.ts',
  'notify.before_send': 'src/notify/crash.test.ts',
  'notify.sent': 'src/notify/crash.test.ts',
  'migrate.statement': 'src/store/migrate-kill.test.ts',
};

/** Only who takes over passes these: the first death makes one. */
const afterDeath: readonly FailpointName[] = ['recover.adopted'];

for (const name of failpointNames) {
  const where = elsewhere[name];
  if (where !== undefined) {
    test(`${name} has its crashes in ${where}`, () => assert.match(readFileSync(join(root, where), 'utf8'), new RegExp(name.replace('.', '\\.'))));
    continue;
  }
  for (const isAfter of [false, true]) {
    test(`a crash ${isAfter ? 'at the first commit after' : 'at'} ${name} breaks no promise`, async () => {
      const death: StormStrike = { kind: 'crash', at: 'journal.after_commit', nth: 8 };
      const strikes: StormStrike[] = [...(afterDeath.includes(name) ? [death] : []), { kind: 'crash', at: name, nth: 1, isAfter }];
      const result = await runStorm({ seed: 1, instances: 20, strikes });
      assert.deepEqual(
        { violations: result.violations, evidence: result.evidence, struck: result.struck },
        { violations: [], evidence: '', struck: strikes.length },
      );
    });
  }
}

test('a failpoint in the environment must be one that is there', () => {
  assert.throws(() => fromText('journal.nowhere:crash', () => undefined), /names "journal.nowhere"; there are start.staged, /);
  assert.throws(() => fromText('journal.before_commit:explode', () => undefined), /is not name:crash/);
});
