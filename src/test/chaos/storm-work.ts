/** The queues of a storm, worked by hand as the machine would; and what no job may be: without a step, or cancelled before its step ended. */
import type { EngineHarness } from '../engine.ts';
import type { StormClients } from './storm-clients.ts';
import type { Fleet } from './storm-fleet.ts';
import type { StormOracle } from './storm-oracle.ts';

export interface WorkParts {
  readonly h: EngineHarness;
  readonly oracle: StormOracle;
  readonly fleet: Fleet;
  readonly models: StormClients['models'];
  readonly random: () => number;
}

/** Ends about half of the jobs that wait. */
export async function workQueues({ h, oracle, fleet, models, random }: WorkParts): Promise<void> {
  await refuseEarlyCancels(h, oracle);
  const { rows } = await oracle.sql.query<{
    id: string;
    instance_id: string;
    step_path: string;
    step_generation: number;
    step_attempt: number;
    step: string | null;
  }>(
    `select j.id, j.instance_id, j.step_path, j.step_generation, j.step_attempt, s.status as step from jobs j
     left join steps s on s.instance_id = j.instance_id and s.path = j.step_path and s.generation = j.step_generation and s.job_id = j.id where j.status = 'queued'`,
  );
  for (const row of rows) {
    const isCancelled = h.cancelled.includes(row.id);
    // Of every other instance to be cancelled the job lives until then: that nobody forgets it, nor takes it away before, has to show.
    if (!isCancelled && models.get(row.instance_id)?.name === 'cancel' && Number(row.instance_id.slice(-1)) % 2 === 0) continue;
    if (row.step === null && !isCancelled) oracle.violations.push(`job ${row.id} of ${row.instance_id}/${row.step_path} stands for no step`);
    if (!isCancelled && random() < 0.5) continue;
    const status = isCancelled ? 'cancelled' : 'completed';
    if (!isCancelled) {
      if (row.step !== 'queued') continue;
      await oracle.began({ instanceId: row.instance_id, path: row.step_path, generation: row.step_generation, attempt: row.step_attempt, after: ['a'] }, false);
    }
    const result = JSON.stringify({ exitCode: 0, stdout: 'ran', stderr: '', artifacts: [] });
    await oracle.sql.query(`update jobs set status = $2, result = $3, ended_at = now() where id = $1 and status = 'queued'`, [
      row.id,
      status,
      isCancelled ? null : result,
    ]);
    // Sometimes nobody is told: the poll has to find it.
    if (random() < 0.7) fleet.current().engine.onJobEnded(row.id);
  }
}

/** A job is cancelled because its step has ended, and never before that is recorded. */
async function refuseEarlyCancels(h: EngineHarness, oracle: StormOracle): Promise<void> {
  const { rows } = await oracle.sql.query<{ id: string; status: string }>(
    `select j.id, s.status from jobs j join steps s on s.instance_id = j.instance_id and s.path = j.step_path and s.generation = j.step_generation
     where j.id = any($1) and j.status = 'queued' and s.status in ('pending', 'queued', 'running', 'waiting')`,
    [h.cancelled],
  );
  oracle.violations.push(...rows.map((row) => `job ${row.id} was cancelled while its step was ${row.status}`));
}
