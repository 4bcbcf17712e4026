/** Workers that a person shuts out and lets in again, whatever they know of the shared secret. What runs goes on; nothing new is taken. */
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { insertAudit } from '../store/audit.ts';
import type { Database, Sql } from '../store/client.ts';
import { letWorkerIn, listWorkers, shutOutWorker, type Worker } from '../store/workers.ts';

export interface ShutOutRequest {
  readonly id: string;
  readonly reason: string;
  readonly actor: string;
  /** Whose audit trail has it. */
  readonly orgId: string;
  readonly address: string;
}

interface Parts {
  readonly database: Pick<Database, 'engine'>;
  readonly clock: Clock;
}

/** @throws AppError not_found; conflict for the Studio's own */
export async function shutOut(parts: Parts, { id, reason, ...by }: ShutOutRequest): Promise<Worker> {
  const worker = await readWorker(parts, id);
  if (worker.builtIn) fail('conflict', "The Studio's own worker is not shut out: pause the queues that it should take nothing from.");
  await parts.database.engine.transaction(async (sql) => {
    if (!(await shutOutWorker(sql, { id, by: by.actor, reason, now: new Date(parts.clock.now()) }))) gone(id);
    await audit(sql, parts, { action: 'worker.deregistered', id, ...by, details: { host: worker.host, reason } });
  });
  return readWorker(parts, id);
}

/** @throws AppError not_found; conflict when nobody shut it out */
export async function letIn(parts: Parts, { id, ...by }: Omit<ShutOutRequest, 'reason'>): Promise<Worker> {
  const worker = await readWorker(parts, id);
  await parts.database.engine.transaction(async (sql) => {
    if (!(await letWorkerIn(sql, id))) fail('conflict', `The worker on ${worker.host} was not shut out by anybody.`);
    await audit(sql, parts, { action: 'worker.admitted', id, ...by, details: { host: worker.host } });
  });
  return readWorker(parts, id);
}

async function readWorker({ database }: Parts, id: string): Promise<Worker> {
  return (await listWorkers(database.engine)).find((worker) => worker.id === id) ?? gone(id);
}

function gone(id: string): never {
  return fail('not_found', `There is no worker ${id}.`);
}

interface Entry extends Omit<ShutOutRequest, 'reason'> {
  readonly action: string;
  readonly details: Readonly<Record<string, string>>;
}

async function audit(sql: Sql, { clock }: Parts, { id, details, ...entry }: Entry): Promise<void> {
  await insertAudit(sql, { ...entry, id: newId('aud', clock), at: new Date(clock.now()), target: id, details });
}
