/** Whether a storm left everything as promised: each instance as its kind says, nothing acknowledged gone, no invariant of the database broken. */
import { configOf } from '../database.ts';
import type { EngineHarness } from '../engine.ts';
import { findBroken } from './invariants.ts';
import type { StormClients } from './storm-clients.ts';
import type { Running } from './storm-fleet.ts';
import { calledKind, STORM_WAIT_MS, type StormKind } from './storm-kinds.ts';
import type { StormOracle } from './storm-oracle.ts';

export interface JudgeParts {
  readonly h: EngineHarness;
  readonly oracle: StormOracle;
  readonly engines: readonly Running[];
  readonly clients: Pick<StormClients, 'models' | 'acknowledged'>;
}

/** @returns what is wrong */
export async function judgeStorm({ h, oracle, engines, clients }: JudgeParts): Promise<string[]> {
  const found = [...oracle.violations, ...oracle.findNeedless()];
  found.push(...(await findBroken(configOf(h.db.adminUrl), { isAtRest: true })));
  const owners = await oracle.sql.query<{ n: number }>('select count(*)::int as n from owners');
  const living = engines.filter((one) => !one.isDead).length;
  if ((owners.rows[0]?.n ?? 0) > living) found.push(`${owners.rows[0]?.n} owners have a row, and ${living} live`);
  const { rows } = await oracle.sql.query<{ id: string }>('select id from instances');
  const there = new Set(rows.map((row) => row.id));
  for (const id of clients.acknowledged) if (!there.has(id)) found.push(`${id} was acknowledged and is gone`);
  for (const id of there) found.push(...(await judgeOne(h, id, clients.models.get(id) ?? calledKind)));
  return found;
}

/** What is recorded of the first instance that a violation names. */
export async function evidenceOf(violations: readonly string[], { h, oracle, engines, clients: { models } }: JudgeParts): Promise<string> {
  const named = [...models.keys()].toSorted((a, b) => b.length - a.length).find((id) => violations.some((violation) => violation.includes(id)));
  return named === undefined
    ? ''
    : `${named} (${models.get(named)?.name}), cancelled jobs ${h.cancelled.join(' ')}: ${await evidenceIn(oracle.sql, named)}; engines ${JSON.stringify(engines.map(({ isDead, isStale, engine }) => ({ isDead, isStale, owner: engine.ownerId, ...engine.stats })))}`;
}

async function evidenceIn(sql: StormOracle['sql'], id: string): Promise<string> {
  const ask = async (text: string): Promise<unknown> => (await sql.query(text, [id])).rows;
  return JSON.stringify({
    instance: await ask(`select status, owner_epoch, seq, error from instances where id = $1`),
    steps: await ask(`select path, generation, status, attempt, job_id, reason, wait, seq from steps where instance_id = $1 order by seq`),
    jobs: await ask(`select id, status, step_path, step_generation, step_attempt, reason from jobs where instance_id = $1 order by id`),
    events: await ask(
      `select sequence, type, payload::jsonb ->> 'path' as path, payload::jsonb ->> 'status' as status from outbox where kind = 'instance' and id = $1 order by position`,
    ),
  });
}

async function judgeOne(h: EngineHarness, id: string, model: StormKind): Promise<string[]> {
  const instance = await h.instance(id);
  const found: string[] = [];
  const name = `${id} (${model.name})`;
  if (!model.statuses.includes(instance.status)) found.push(`${name} is ${instance.status}: ${JSON.stringify(instance.error)}`);
  if (instance.status !== 'completed') return found;
  if (JSON.stringify(instance.output) !== JSON.stringify(model.output)) found.push(`${name} has the output ${JSON.stringify(instance.output)}`);
  const steps = await h.steps(id);
  for (const [path, wanted] of Object.entries(model.steps)) {
    const step = steps[path];
    const is = step === undefined ? 'not there' : wanted.includes(' ') ? `${step.status} ${step.attempt}` : step.status;
    if (is !== wanted) found.push(`${name} has ${path} ${is}, not ${wanted}`);
  }
  const waited = steps['wait']?.output;
  if (typeof waited === 'object' && waited !== null && 'waitedMs' in waited && Number(waited['waitedMs']) < STORM_WAIT_MS)
    found.push(`${name} waited ${JSON.stringify(waited)}`);
  return found;
}
