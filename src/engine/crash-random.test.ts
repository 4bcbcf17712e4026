/** Random workflows, random failures, random commands, several crashes at random commits: what is recorded is what a run without crashes
 *  would have recorded. A failing seed is printed; STUDIO_SEED and STUDIO_SEEDS choose others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import type { Definition, GraphNode } from '../contract/graph.ts';
import { setFailpoints } from '../kernel/failpoint.ts';
import { NodeError } from '../nodes/kit.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';
import { testNode } from '../test/test-node.ts';

/** A small, good generator of numbers in [0, 1): mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const bodies = new Map<string, number>();
/** Fails its first `failures` attempts; everything about it is decided by its params, so that a repeat gives the same. */
const act = testNode({
  type: 'test.act',
  params: z.strictObject({ value: z.json(), failures: z.number(), turns: z.number() }),
  async run(params, context) {
    bodies.set(context.idempotencyKey, (bodies.get(context.idempotencyKey) ?? 0) + 1);
    for (let turn = 0; turn < params.turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (context.attempt <= params.failures) throw new NodeError('unlucky', 'not this time');
    return { kind: 'output', output: params.value };
  },
});

function randomDefinition(random: () => number): Definition {
  const pick = <T>(...of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const size = 2 + Math.floor(random() * 7);
  const nodes = Array.from({ length: size }, (_, index): GraphNode => {
    const key = `n${index}`;
    const shape = random();
    if (shape < 0.15) return { key, type: 'set', params: { values: { v: '{{ input.n }}' } } };
    if (shape < 0.3) return { key, type: 'branch.if', params: { condition: pick(true, false) } };
    if (shape < 0.4) return { key, type: 'wait.timer', params: { durationMs: pick(0, 1_000) } };
    const failures = pick(0, 0, 0, 1, 2);
    return {
      key,
      type: 'test.act',
      params: { value: index, failures, turns: pick(0, 1, 3) },
      retry: { maxAttempts: pick(1, 2, 3), backoffMs: pick(0, 500), jitter: 0 },
      onError: pick('continue', 'continue', 'branch', 'fail'),
    };
  });
  const edges: Definition['edges'] = [];
  for (let to = 1; to < size; to++) {
    const count = 1 + Math.floor(random() * 2);
    for (const from of new Set(Array.from({ length: count }, () => Math.floor(random() * to)))) {
      const source = nodes[from];
      const port = source?.type === 'branch.if' ? pick('.true', '.false', '') : source?.onError === 'branch' ? pick('', '.error') : '';
      edges.push({ from: `n${from}${port}`, to: `n${to}` });
    }
  }
  // A failure that nobody listens to is no branch.
  const heard = new Set(edges.map((edge) => edge.from));
  return { nodes: nodes.map((node) => (node.onError === 'branch' && !heard.has(`${node.key}.error`) ? { ...node, onError: 'continue' } : node)), edges };
}

/** Everything of an instance that must not depend on crashes. */
async function recordOf(h: EngineHarness, id: string): Promise<unknown> {
  const instance = await h.instance(id);
  const steps = await h.steps(id);
  return {
    status: instance.status,
    output: timeless(instance.output),
    failedAt: instance.error?.step,
    steps: Object.fromEntries(
      Object.entries(steps)
        // What was in flight or not begun when a failure ended the instance depends on time, crashes or not.
        .filter(([, step]) => instance.status === 'completed' || step.path === instance.error?.step)
        .map(([path, step]) => [path, [step.status, step.generation, step.attempt, timeless(step.output)]]),
    ),
  };
}

/** How long a timer took depends on crashes; all else does not. */
function timeless(output: unknown): unknown {
  return JSON.parse(JSON.stringify(output, (key, value: unknown) => (key === 'waitedMs' ? 'some' : value)));
}

async function runSeed(seed: number): Promise<void> {
  const random = randomOf(seed);
  const definition = randomDefinition(random);
  const hasRace = definition.nodes.filter((node) => node.onError === 'fail').length > 1;
  const h = await engineHarness({ types: [act] });
  try {
    const workflow = await h.publish(definition);
    const input = { n: 1 };
    const start = async (id: string): Promise<void> =>
      void (await h.engine.startInstance({ id, orgId: h.orgId, workflowId: workflow, input, startedBy: 'manual', requestId: 'r' }));
    await start('inst_model');
    await drive(h, 'inst_model');
    const model = await recordOf(h, 'inst_model');

    let passed = 0;
    let crashesLeft = 1 + Math.floor(random() * 3);
    let nextCrash = 1 + Math.floor(random() * 8);
    let isDown = false;
    const where = (): string => (random() < 0.5 ? 'journal.before_commit' : 'journal.after_commit');
    let point = where();
    const restore = setFailpoints((name) => {
      if (isDown || crashesLeft === 0 || name !== point || ++passed < nextCrash) return;
      isDown = true;
      crashesLeft -= 1;
      h.engine.crash();
      return new Promise(() => undefined);
    });
    try {
      const ids = ['inst_a', 'inst_b', 'inst_c'];
      const acknowledged = new Set<string>();
      for (const id of ids)
        void start(id).then(
          () => acknowledged.add(id),
          () => undefined,
        );
      for (let turn = 0; turn < 2_000; turn++) {
        if (isDown) {
          passed = 0;
          nextCrash = 1 + Math.floor(random() * 8);
          point = where();
          // Its recovery may crash as well.
          isDown = false;
          const booting = h.boot();
          await Promise.race([booting, h.until(() => isDown, 'a crash while starting').catch(() => undefined)]);
          continue;
        }
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (turn % 10 === 9) await h.clock.advance(500);
        if (turn % 10 === 9 && crashesLeft === 0 && (await countLive(h)) === 0) break;
        if (turn % 100 === 99 && (await countLive(h)) === 0) break;
      }
      restore();
      if (isDown) await h.boot();
      for (const id of ids) {
        const isThere = (await h.db.database.engine.query('select 1 from instances where id = $1', [id])).rows.length > 0;
        assert.ok(isThere || !acknowledged.has(id), `${id} was acknowledged and is lost`);
        if (!isThere) continue;
        await drive(h, id);
        // Which of several failures comes first is a matter of time.
        if (hasRace) assert.equal(((await recordOf(h, id)) as { status: string }).status, (model as { status: string }).status);
        else assert.deepEqual(await recordOf(h, id), model);
        const events = await h.events(id);
        assert.deepEqual(
          events.map((event) => event.sequence),
          events.map((_, index) => index + 1),
        );
        for (const step of Object.values(await h.steps(id))) {
          const ends = events.filter(
            (event) =>
              event.payload['path'] === step.path &&
              ['completed', 'failed', 'timed_out', 'skipped', 'cancelled'].includes(String(event.payload['status'])) &&
              !event.type.endsWith('retrying'),
          );
          assert.equal(ends.length, 1, `${step.path} has one recorded end`);
        }
      }
    } finally {
      restore();
    }
  } catch (error) {
    throw new Error(`seed ${seed} (STUDIO_SEED=${seed}): ${JSON.stringify(definition)}`, { cause: error });
  } finally {
    await h.close();
  }
}

async function countLive(h: EngineHarness): Promise<number> {
  const { rows } = await h.db.database.engine.query<{ n: number }>(
    `select count(*)::int as n from instances where status not in ('completed', 'failed', 'cancelled')`,
  );
  return rows[0]?.n ?? 0;
}

/** Moves time until the instance has ended. */
async function drive(h: EngineHarness, id: string): Promise<void> {
  let turns = 0;
  await h.until(async () => {
    if (++turns % 4 === 0) await h.clock.advance(500);
    return ['completed', 'failed', 'cancelled'].includes((await h.instance(id)).status);
  }, `${id} ends`);
}

const first = Number(process.env['STUDIO_SEED'] ?? '1');
const seeds = Number(process.env['STUDIO_SEEDS'] ?? (process.env['STUDIO_SEED'] === undefined ? '15' : '1'));

test(`${seeds} random workflows survive crashes at random commits`, async () => {
  for (let seed = first; seed < first + seeds; seed++) await runSeed(seed);
  assert.ok(bodies.size > 0);
});
