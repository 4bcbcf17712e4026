/** The store of a running engine in memory: the same questions, checks and refusals as PostgreSQL gives, as plain data. For simulations
 *  (test/simulation) and golden histories. Its rows are rows.ts; each noun has a file.
 *  One thing to know: store.test.ts asks both stores the same and compares. */
import type { EngineStore } from '../../engine/store-port.ts';
import { admissionAnswers } from './admissions.ts';
import type { Answers } from './answers.ts';
import { commandAnswers } from './commands.ts';
import { instanceAnswers } from './instances.ts';
import { jobAnswers } from './jobs.ts';
import { journalAnswers } from './journal.ts';
import { ownerAnswers } from './owners.ts';
import type { Rows } from './rows.ts';
import { cacheAnswers } from './step-cache.ts';
import { stepAnswers } from './steps.ts';
import { workflowAnswers } from './workflows.ts';

/** Asked with each call: decides when, whether and how `apply` happens. */
export type Gate = (name: keyof EngineStore, apply: () => unknown, asked: readonly unknown[]) => Promise<unknown>;

/** The store over `rows`, each call through `gate`. @param now wall time, ms */
export function memoryStore(rows: Rows, now: () => number, gate: Gate = async (_name, apply) => apply()): EngineStore {
  const answers = answersOf(rows, now);
  const entries = Object.entries(answers) as [keyof EngineStore, (...rest: readonly unknown[]) => unknown][];
  const asked = entries.map(([name, answer]) => [name, (...rest: readonly unknown[]) => gate(name, () => answer(...rest), rest)]);
  return Object.fromEntries(asked) as EngineStore;
}

function answersOf(rows: Rows, now: () => number): Answers {
  return {
    ...ownerAnswers(rows, now),
    ...instanceAnswers(rows),
    ...stepAnswers(rows),
    ...journalAnswers(rows),
    ...admissionAnswers(rows),
    ...cacheAnswers(rows),
    ...jobAnswers(rows),
    ...commandAnswers(rows),
    ...workflowAnswers(rows),
  };
}
