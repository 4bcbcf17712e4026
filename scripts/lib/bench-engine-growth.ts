/** How cost grows: with finished instances in the tables, with live ones in memory, with nodes, with the size of outputs; and whether memory stays flat. */
import { newId } from '../../src/kernel/ids.ts';
import type { Floor } from './bench-engine-floor.ts';
import { cpuMs, publish, publishChain, runBatch, runOne } from './bench-engine-work.ts';
import { countWork, quantile, type Rig } from './bench-engine-rig.ts';
import type { Measure } from './bench-table.ts';

const SAMPLES = 20;

/** Ten steps alone in bare commits, and the rate of a thousand instances at once: the same look at every size. */
async function look(rig: Rig, floor: Floor, what: string): Promise<readonly Measure[]> {
  const workflowId = await publishChain(rig, 10);
  await runOne(rig, workflowId);
  const alone: number[] = [];
  const commits: number[] = [];
  for (let index = 0; index < SAMPLES; index++) {
    alone.push(await runOne(rig, workflowId));
    commits.push(await floor.commits(11));
  }
  const before = await rig.usage();
  const ms = await runBatch(rig, workflowId, 1_000);
  const after = await rig.usage();
  const { steps } = await countWork(rig, before, after);
  return [
    { name: `${what}: 10 steps alone ÷ 11 bare commits`, unit: '×', values: [quantile(alone, 0.5) / quantile(commits, 0.5)] },
    { name: `${what}: 1,000 × 10 steps`, unit: 'steps/s', values: [(steps / ms) * 1_000] },
    { name: `${what}: CPU a step`, unit: 'ms', values: [cpuMs(before, after) / steps] },
  ];
}

/** Finished instances of ten steps are written by SQL, with their events: running a million of them would say nothing more. */
export async function measureFinished(rig: Rig, floor: Floor, sizes: readonly number[]): Promise<readonly Measure[]> {
  const workflowId = await publishChain(rig, 10);
  const measures: Measure[] = [];
  let present = 0;
  for (const size of sizes) {
    await writeFinished(rig, workflowId, present, size);
    present = size;
    measures.push(...(await look(rig, floor, `${size} finished`)));
  }
  return measures;
}

async function writeFinished(rig: Rig, workflowId: string, from: number, to: number): Promise<void> {
  // Ids sort by time: older than what is measured. A part of an id of now keeps them of the right length.
  const prefix = newId('inst').slice(0, -12);
  for (let low = from; low < to; low += 10_000) {
    const range = [workflowId, prefix, low, Math.min(low + 10_000, to) - 1];
    await rig.sql.query(
      `insert into instances (id, org_id, workflow_id, version, status, input, output, priority, started_by, seq, created_at, started_at, ended_at)
       select $2 || lpad(n::text, 12, '0'), w.org_id, w.id, 1, 'completed', '{"id": 1}', '{"ok":true}', 50, 'manual', 13, now() - interval '1 hour', now() - interval '1 hour',
         now() - interval '59 minutes'
       from workflows w, generate_series($3::int, $4::int) n where w.id = $1`,
      range,
    );
    await rig.sql.query(
      `insert into steps (instance_id, path, generation, org_id, status, attempt, input, output, seq, started_at, ended_at)
       select $2 || lpad(n::text, 12, '0'), 's' || s, 1, w.org_id, 'completed', 1, '{"effect":true,"output":{"ok":true}}', '{"ok":true}', s + 3, now() - interval '1 hour',
         now() - interval '59 minutes'
       from workflows w, generate_series($3::int, $4::int) n, generate_series(0, 9) s where w.id = $1`,
      range,
    );
    await rig.sql.query(
      `insert into outbox (kind, id, sequence, type, org_id, parent, payload)
       select 'instance', $2 || lpad(n::text, 12, '0'), s, 'engine:step:completed', w.org_id, 'workflow:' || w.id, '{}'
       from workflows w, generate_series($3::int, $4::int) n, generate_series(1, 13) s where w.id = $1`,
      range,
    );
  }
  await rig.sql.query('analyze instances, steps, outbox');
}

/** Instances that wait, held in memory by their owner. */
export async function measureLive(rig: Rig, floor: Floor, sizes: readonly number[]): Promise<readonly Measure[]> {
  const workflowId = await publish(rig, 'waits', { nodes: [{ key: 'wait', type: 'wait.timer', params: { durationMs: 86_400_000 } }], edges: [] });
  const measures: Measure[] = [];
  const atRest = (await rig.usage()).nodeRssMiB;
  let present = 0;
  for (const size of sizes) {
    await rig.call('POST', `/api/v1/workflows/${workflowId}/instances/batch`, { inputs: Array.from({ length: size - present }, () => ({})) });
    present = size;
    measures.push(...(await look(rig, floor, `${size} live`)), {
      name: `${size} live: memory above rest`,
      unit: 'MiB',
      values: [(await rig.usage()).nodeRssMiB - atRest],
    });
  }
  await rig.client.expect(204, 'DELETE', `/api/v1/workflows/${workflowId}?cancel=true`);
  return measures;
}

/** Durable steps in a row, one instance. */
export async function measureNodes(rig: Rig, floor: Floor, sizes: readonly number[]): Promise<readonly Measure[]> {
  const measures: Measure[] = [];
  for (const size of sizes) {
    const workflowId = await publishChain(rig, size);
    const times: number[] = [await runOne(rig, workflowId)];
    const commits: number[] = [];
    for (let index = 0; index < 3; index++) {
      times.push(await runOne(rig, workflowId));
      commits.push((await floor.commits(50)) / 50);
    }
    measures.push({ name: `${size} nodes in a row: a step ÷ bare commit`, unit: '×', values: times.slice(1).map((ms) => ms / size / quantile(commits, 0.5)) });
  }
  return measures;
}

/** One input of this size goes through three steps. */
export async function measureOutputs(rig: Rig, floor: Floor, kibibytes: readonly number[]): Promise<readonly Measure[]> {
  const measures: Measure[] = [];
  const workflowId = await publishChain(rig, 3, '{{ input }}');
  for (const size of kibibytes) {
    const input = { text: 'x'.repeat(size * 1_024 - 100) };
    const times: number[] = [];
    const commits: number[] = [];
    try {
      for (let index = 0; index < 10; index++) {
        times.push(await runOne(rig, workflowId, input));
        commits.push(await floor.commits(4));
      }
    } catch (error) {
      process.stderr.write(`outputs of ${size} KiB: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}\n`);
      continue;
    }
    measures.push({ name: `3 steps with outputs of ${size} KiB, p50`, unit: 'ms', values: [quantile(times, 0.5)] });
    measures.push({ name: `3 steps with outputs of ${size} KiB ÷ 4 bare commits`, unit: '×', values: [quantile(times, 0.5) / quantile(commits, 0.5)] });
  }
  return measures;
}

/** Memory of the Node process after each thousand of instances: flat once warm. */
export async function measureMemory(rig: Rig, count: number): Promise<readonly Measure[]> {
  const workflowId = await publishChain(rig, 10);
  const rss: number[] = [];
  for (let done = 0; done < count; done += 1_000) {
    await runBatch(rig, workflowId, 1_000);
    rss.push((await rig.usage()).nodeRssMiB);
  }
  return [
    { name: `memory of Node over ${count} instances`, unit: 'MiB', values: rss },
    { name: '  at its end ÷ at its half', unit: '×', values: [(rss.at(-1) ?? Number.NaN) / (rss[Math.floor(rss.length / 2)] ?? Number.NaN)] },
  ];
}
