/** The store as a running engine sees it: every question that it asks of its rows, each with its database given. Tests answer them from memory
 *  and crash the engine at any of them (test/memory-store). One thing to know: a question the running engine has to ask stands in this list;
 *  what people ask of definitions and triggers does not. */
import { finishCommand, insertCommand, listOpenCommands, readCommandResult, withdrawCommand } from '../store/commands.ts';
import { admit, admitAnyway, listAdmitted, releaseAdmission, sweepAdmissions } from '../store/admissions.ts';
import type { SqlPool } from '../store/client.ts';
import {
  adoptInstance,
  adoptInstances,
  listEndedInstances,
  listOrphanEpochs,
  listStrayChildren,
  readOutcome,
  readStatus,
  readStoredInstance,
  readStoredInstances,
} from '../store/instances.ts';
import { insertStepJobs, type NewStepJob } from '../store/job-inserts.ts';
import { readJobResult } from '../store/jobs.ts';
import { readLastSequences, writeBatch, type Batch, type Fence } from '../store/journal.ts';
import { beatOwner, deleteOwners, insertOwner, isOwner, listOwners } from '../store/owners.ts';
import { readPrincipalRole } from '../store/principals.ts';
import { readCached, writeCached } from '../store/step-cache.ts';
import { readStepItems, writeStepItems } from '../store/step-items.ts';
import {
  listBodyRows,
  listEndedJobs,
  listStrayJobs,
  loadSteps,
  loadStepsAt,
  loadStepsUnder,
  readHighestGeneration,
  readItemResults,
  readStepInput,
} from '../store/stored-steps.ts';
import { readVersion } from '../store/workflow-versions.ts';
import { readRunnableHead } from '../store/workflows.ts';

/** A batch of the journal with the jobs that its steps queue: all of it or nothing. */
async function writeGroups(pool: SqlPool, fence: Fence, batch: Batch, jobs: readonly NewStepJob[]): Promise<void> {
  if (jobs.length === 0) return writeBatch(pool, fence, batch);
  await pool.transaction(async (sql) => {
    await writeBatch(sql, fence, batch);
    await insertStepJobs(sql, jobs);
  });
}

const questions = {
  writeGroups,
  readLastSequences,
  insertOwner,
  beatOwner,
  listOwners,
  deleteOwners,
  isOwner,
  listOrphanEpochs,
  adoptInstances,
  adoptInstance,
  readStoredInstance,
  readStoredInstances,
  readOutcome,
  readStatus,
  listEndedInstances,
  listStrayChildren,
  loadSteps,
  loadStepsAt,
  loadStepsUnder,
  listBodyRows,
  readHighestGeneration,
  readItemResults,
  readStepInput,
  writeStepItems,
  readStepItems,
  readJobResult,
  listEndedJobs,
  listStrayJobs,
  insertCommand,
  listOpenCommands,
  finishCommand,
  readCommandResult,
  withdrawCommand,
  readRunnableHead,
  readVersion,
  readPrincipalRole,
  readCached,
  writeCached,
  admit,
  admitAnyway,
  releaseAdmission,
  listAdmitted,
  sweepAdmissions,
} as const;

type Questions = typeof questions;
type Asked<Question> = Question extends (sql: infer _Sql, ...rest: infer Rest) => infer Answer ? (...rest: Rest) => Answer : never;

/** Every question, without its database. Rejects as the functions of store/ do. */
export type EngineStore = { readonly [Name in keyof Questions]: Asked<Questions[Name]> };

/** The questions, put to PostgreSQL. */
export function databaseStore(pool: SqlPool): EngineStore {
  type Ask = (pool: SqlPool, ...rest: readonly unknown[]) => unknown;
  const bound = Object.entries(questions).map(([name, ask]) => [name, (...rest: readonly unknown[]) => (ask as Ask)(pool, ...rest)]);
  return Object.fromEntries(bound) as EngineStore;
}
