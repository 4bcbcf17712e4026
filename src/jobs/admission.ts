/** Who may take jobs: a process that only runs jobs shows that it knows WORKER_SHARED_SECRET, and the Studio it works for lets it in or says why not.
 *  The secret itself never goes to the database. One thing to know: this tells apart who belongs here; whoever holds the database's password could write anything. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import { judgeWorker, listUnjudgedWorkers } from '../store/workers.ts';

export interface AdmissionParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly secret: string;
}

const WRONG =
  'its WORKER_SHARED_SECRET is not that of this Studio: set the one that stands in the .env of the workspace, or that both were given, and start it again';
const NONE = 'it showed no proof that it knows WORKER_SHARED_SECRET: it is of an older version; upgrade it';

/** What a worker shows: bound to its id, so that another can't show the same. */
export function workerProof(secret: string, workerId: string): string {
  return createHmac('sha256', secret).update(`studio-worker\n${workerId}`).digest('base64url');
}

/** Judges those that ask to join. */
export async function admitWorkers({ database, clock, log, secret }: AdmissionParts): Promise<void> {
  for (const { id, host, proof } of await listUnjudgedWorkers(database.engine)) {
    const refusal = proof === null ? NONE : isSame(proof, workerProof(secret, id)) ? null : WRONG;
    await judgeWorker(database.engine, { id, refusal, now: new Date(clock.now()) });
    if (refusal === null) log.info({ workerId: id, host }, 'a worker joined');
    else log.warn({ workerId: id, host, reason: refusal }, 'a worker was refused');
  }
}

function isSame(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}
