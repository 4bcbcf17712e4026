/** A storm: an engine in this process on a real PostgreSQL, many instances of every construct, and random strikes at its commits: it dies
 *  before or after one, its connections are cut, or it is frozen while another takes over. Seconds of work where a campaign takes minutes.
 *  Everything chosen comes from the seed. */
import { setFailpoints, type FailpointName } from '../../kernel/failpoint.ts';
import { isConnectionLoss } from '../../store/client.ts';
import type { Logger } from '../../kernel/log.ts';
import { AppError } from '../../kernel/fail.ts';
import type { Engine } from '../../engine/engine.ts';
import { configOf } from '../database.ts';
import { engineHarness, type EngineHarness } from '../engine.ts';
import { fakeClock, type FakeClock } from '../fake-clock.ts';
import { gateOf, type Gate } from './gate.ts';
import { findBroken } from './invariants.ts';
import { randomOf, shuffle } from './random.ts';
import { calledKind, poisonKind, STORM_WAIT_MS, stormKinds, type StormHand, type StormKind } from './storm-kinds.ts';
import { stormOracle, type StormOracle } from './storm-oracle.ts';

export interface StormOptions {
  readonly seed: number;
  /** Instances that are started one by one; a batch comes on top. */
  readonly instances: number;
  readonly strikes: readonly StormStrike[];
  /** Default: none. */
  readonly log?: Logger;
}

/** Where the engine is struck. `at` names a failpoint; `after` strikes at the first commit that follows it. */
export interface StormStrike {
  readonly kind: 'crash' | 'cut' | 'freeze';
  readonly at: FailpointName;
  /** The how-manieth time it is passed since the strike before. */
  readonly nth: number;
  readonly isAfter?: boolean;
}

export interface StormResult {
  readonly violations: readonly string[];
  /** What is recorded of the first instance that a violation names. */
  readonly evidence: string;
  /** How many of the strikes fell: a storm may be over before. */
  readonly struck: number;
  readonly executions: number;
}

interface Running {
  readonly engine: Engine;
  readonly gate: Gate;
  readonly clock: FakeClock;
  /** Resolves when nobody gets an answer from it any more. */
  readonly down: Promise<void>;
  takeDown(): void;
  isStale: boolean;
  /** As which owner it was taken for dead: under another name it is alive again. */
  buriedAs: string | undefined;
  isDead: boolean;
}

/** Turns of the loop that a storm may take: far more than any needs. */
const MAX_TURNS = 2_500;
/** Enough to see what is wrong. */
const MAX_VIOLATIONS = 20;
/** Turns that a frozen engine stays frozen. */
const FROZEN_TURNS = 40;
/** Between a crash being decided and the death. */
const DYING_MS = 4;
/** Turns after a strike in which what was in flight may still be found lost. */
const HEALING_TURNS = 200;
/** Until the last client has come. */
const LATE_TURNS = 30;

export async function runStorm(options: StormOptions): Promise<StormResult> {
  const storm = await createStorm(options);
  try {
    return await storm.run();
  } finally {
    await storm.close();
  }
}

/** Random strikes for a seed: more crashes than anything else. */
export function strikesOf(seed: number): StormStrike[] {
  const random = randomOf(seed + 77);
  return Array.from({ length: 2 + Math.floor(random() * 3) }, (): StormStrike => {
    const kind = random() < 0.5 ? 'crash' : random() < 0.5 ? 'cut' : 'freeze';
    return { kind, at: random() < 0.5 ? 'journal.before_commit' : 'journal.after_commit', nth: 1 + Math.floor(random() * 12) };
  });
}

interface Storm {
  run(): Promise<StormResult>;
  close(): Promise<void>;
}

async function createStorm(options: StormOptions): Promise<Storm> {
  const random = randomOf(options.seed);
  const h = await engineHarness(options.log === undefined ? {} : { log: options.log });
  const oracle = stormOracle(h.db.adminUrl);
  const fleet: Running[] = [];
  const acknowledged = new Set<string>();
  const models = new Map<string, StormKind>();
  const frozen: { readonly one: Running; readonly until: number }[] = [];
  const healing: { readonly heal: () => void; readonly until: number }[] = [];
  let isOver = false;
  let turns = 0;
  let struck = 0;
  let mustBoot = false;
  let isDying = false;

  const current = (): Running => fleet.at(-1) ?? never('no engine was booted');

  function boot(): Running {
    const gate = gateOf(h.db.open());
    const clock = fakeClock(h.clock.now() + turns * 100);
    let takeDown = (): void => {};
    const down = new Promise<void>((resolve) => (takeDown = resolve));
    const running: { -readonly [Key in keyof Running]: Running[Key] } = {
      engine: h.engine,
      gate,
      clock,
      down,
      takeDown,
      isStale: false,
      buriedAs: undefined,
      isDead: false,
    };
    // Its start may itself be struck: then it never resolves.
    const booting = h.boot({ isAlone: false, database: gate.database, clock, types: oracle.typesOf(() => isLate(running)) });
    running.engine = h.engine;
    // One that can't start ends, as its process would.
    booting.catch(() => {
      if (running.isDead) return;
      running.engine.crash();
      running.isDead = true;
      if (!running.isStale) bury(running);
    });
    fleet.push(running);
    return running;
  }

  function strikeOnce(strike: StormStrike): void | Promise<void> {
    const one = current();
    struck++;
    healing.push({ heal: oracle.struck(), until: turns + HEALING_TURNS });
    if (strike.kind === 'cut') {
      // Not awaited: it races with the commit.
      void oracle.sql.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'studio_engine'`);
      return;
    }
    if (strike.kind === 'freeze') {
      one.gate.shut();
      frozen.push({ one, until: turns + FROZEN_TURNS });
      bury(one);
      return;
    }
    // It dies a moment later: what it answers without waiting for this commit still gets out. Whoever came by goes on to find itself stopped.
    isDying = true;
    return new Promise((resolve) =>
      setTimeout(() => {
        isDying = false;
        one.engine.crash();
        one.isDead = true;
        bury(one);
        resolve();
      }, DYING_MS),
    );
  }

  function bury(one: Running): void {
    one.isStale = true;
    one.buriedAs = one.engine.ownerId;
    one.takeDown();
    mustBoot = true;
  }

  function armStrikes(): () => void {
    const waiting = [...options.strikes];
    let passed = 0;
    let isPassed = false;
    return setFailpoints((name) => {
      const [next] = waiting;
      // Between a death and the next boot there is nobody to strike.
      if (next === undefined || mustBoot || isDying) return;
      if (isPassed ? name !== 'journal.after_commit' : name !== next.at || ++passed < next.nth) return;
      if (next.isAfter === true && !isPassed) {
        isPassed = true;
        return;
      }
      waiting.shift();
      passed = 0;
      isPassed = false;
      return strikeOnce(next);
    });
  }

  function handOf(id: string): StormHand {
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));
    return {
      id,
      random,
      async ask(what) {
        while (!isOver) {
          const { engine, down } = current();
          const answer = await Promise.race([
            what(engine).then(
              () => 'done' as const,
              (error: unknown) => {
                if (error instanceof AppError && error.code === 'illegal_transition') return 'refused' as const;
                if (!(error instanceof AppError) && !isConnectionLoss(error)) oracle.violations.push(`a client was answered ${String(error)}`);
                return undefined;
              },
            ),
            down.then(() => undefined),
          ]);
          if (answer !== undefined) return answer;
          await turn();
        }
        return 'refused';
      },
      async status() {
        const { rows } = await oracle.sql.query<{ status: string }>('select status from instances where id = $1', [id]);
        return rows[0]?.status ?? 'not there';
      },
      turn,
      async until(isDone) {
        while (!isOver && !(await isDone())) await turn();
      },
    };
  }

  /** One client: starts, perhaps twice at once as one that lost patience does, then does what its kind asks for. */
  async function client(kind: StormKind, workflowId: string, id: string): Promise<void> {
    models.set(id, kind);
    const hand = handOf(id);
    // Half of them come while others are being struck.
    for (let turn = random() < 0.5 ? 0 : random() * LATE_TURNS; turn > 0; turn--) await hand.turn();
    const start = async (): Promise<void> => {
      const asked = await hand.ask((engine) =>
        engine.startInstance({ id, orgId: h.orgId, workflowId, input: {}, startedBy: 'manual', requestId: 'req_storm' }),
      );
      if (asked === 'done') acknowledged.add(id);
    };
    await Promise.all(random() < 0.3 ? [start(), start()] : [start()]);
    await kind.act?.(hand);
  }

  async function batch(kind: StormKind, workflowId: string, ids: readonly string[]): Promise<void> {
    for (const id of ids) models.set(id, kind);
    const request = { orgId: h.orgId, workflowId, inputs: ids.map(() => ({})), ids, startedBy: 'manual', requestId: 'req_storm' };
    if ((await handOf('').ask((engine) => engine.startBatch(request))) === 'done') for (const id of ids) acknowledged.add(id);
  }

  async function publishAll(): Promise<ReadonlyMap<StormKind, string>> {
    const published = new Map<StormKind, string>();
    await oracle.sql.query(`insert into queues (name, state, slots, max_pending, default_timeout_ms, seq) values ('gone', 'running', 1, 10, 1000, 1)`);
    // Serial: a handful.
    for (const kind of [...stormKinds(await h.publish(calledKind.definition)), poisonKind]) published.set(kind, await h.publish(kind.definition));
    await oracle.sql.query(`delete from queues where name = 'gone'`);
    return published;
  }

  return {
    async run() {
      h.engine.crash();
      await silence();
      boot();
      await h.until(() => h.engine.stats !== undefined && h.engine.ownerId !== undefined, 'the first engine');
      const published = await publishAll();
      const kinds = shuffle([...published], random);
      const disarm = armStrikes();
      let open = 1;
      const settled = (error?: unknown): void => {
        open -= 1;
        if (error !== undefined) oracle.violations.push(`a client gave up: ${String(error)}`);
      };
      void batch(...pick(published, 'fan'), ['inst_b1', 'inst_b2', 'inst_b3']).then(() => settled(), settled);
      for (let index = 0; index < options.instances; index++) {
        const [kind, workflowId] = kinds[index % kinds.length] ?? never('no kind');
        open += 1;
        void client(kind, workflowId, `inst_${index}`).then(() => settled(), settled);
      }
      try {
        for (; turns < MAX_TURNS && oracle.violations.length < MAX_VIOLATIONS; turns++) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          heal();
          if (mustBoot) {
            await silence();
            mustBoot = false;
            boot();
          }
          if (turns % 5 === 4) {
            for (const one of fleet) if (!one.gate.isShut) await one.clock.advance(500);
            await keepSilent();
            await work();
          }
          if (turns % 25 === 24 && open === 0 && frozen.length === 0 && !mustBoot && (await isQuiet())) break;
        }
      } finally {
        disarm();
        isOver = true;
        for (const one of fleet) one.gate.open();
      }
      if (open > 0) oracle.violations.push(`${open} clients had not come to their end after ${turns} turns`);
      const violations = await judgeAll();
      return { violations, evidence: await evidenceOf(violations), struck, executions: oracle.executions };
    },
    async close() {
      isOver = true;
      for (const one of fleet) one.gate.open();
      await oracle.close();
      await h.close();
    },
  };

  /** By the database's clock whoever was struck has said nothing for longer than three beats; also under a name that it died before it learnt. */
  async function silence(): Promise<void> {
    const living = fleet.filter((one) => !one.isDead && !isLate(one)).map((one) => one.engine.ownerId);
    await oracle.sql.query(`update owners set beat_at = now() - interval '1 minute' where id <> all($1)`, [living.filter((id) => id !== undefined)]);
  }

  /** A beat that was on its way when its engine died may arrive later. */
  async function keepSilent(): Promise<void> {
    const dead = fleet.filter((one) => one.isDead).map((one) => one.engine.ownerId);
    await oracle.sql.query(`update owners set beat_at = now() - interval '1 minute' where id = any($1)`, [dead.filter((id) => id !== undefined)]);
  }

  function heal(): void {
    for (const one of frozen.splice(0)) {
      if (turns < one.until) frozen.push(one);
      else one.one.gate.open();
    }
    for (const one of healing.splice(0)) {
      if (turns < one.until) healing.push(one);
      else one.heal();
    }
  }

  /** Works the queues by hand, as the machine would. */
  async function work(): Promise<void> {
    await refuseEarlyCancels();
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
        await oracle.began(
          { instanceId: row.instance_id, path: row.step_path, generation: row.step_generation, attempt: row.step_attempt, after: ['a'] },
          false,
        );
      }
      const result = JSON.stringify({ exitCode: 0, stdout: 'ran', stderr: '', artifacts: [] });
      await oracle.sql.query(`update jobs set status = $2, result = $3, ended_at = now() where id = $1 and status = 'queued'`, [
        row.id,
        status,
        isCancelled ? null : result,
      ]);
      // Sometimes nobody is told: the poll has to find it.
      if (random() < 0.7) current().engine.onJobEnded(row.id);
    }
  }

  /** A job is cancelled because its step has ended, and never before that is recorded. */
  async function refuseEarlyCancels(): Promise<void> {
    const { rows } = await oracle.sql.query<{ id: string; status: string }>(
      `select j.id, s.status from jobs j join steps s on s.instance_id = j.instance_id and s.path = j.step_path and s.generation = j.step_generation
       where j.id = any($1) and j.status = 'queued' and s.status in ('pending', 'queued', 'running', 'waiting')`,
      [h.cancelled],
    );
    oracle.violations.push(...rows.map((row) => `job ${row.id} was cancelled while its step was ${row.status}`));
  }

  async function isQuiet(): Promise<boolean> {
    const { rows } = await oracle.sql.query<{ live: number; open: number }>(
      `select (select count(*)::int from instances where status not in ('completed', 'failed', 'cancelled')) as live,
         (select count(*)::int from jobs where status in ('queued', 'running') and id = any($1)) as open`,
      [h.cancelled],
    );
    return rows[0]?.live === 0 && rows[0].open === 0;
  }

  async function evidenceOf(violations: readonly string[]): Promise<string> {
    const named = [...models.keys()].toSorted((a, b) => b.length - a.length).find((id) => violations.some((violation) => violation.includes(id)));
    return named === undefined
      ? ''
      : `${named} (${models.get(named)?.name}), cancelled jobs ${h.cancelled.join(' ')}: ${await evidenceIn(oracle.sql, named)}; engines ${JSON.stringify(fleet.map(({ isDead, isStale, engine }) => ({ isDead, isStale, owner: engine.ownerId, ...engine.stats })))}`;
  }

  async function judgeAll(): Promise<string[]> {
    const found = [...oracle.violations, ...oracle.findNeedless()];
    found.push(...(await findBroken(configOf(h.db.adminUrl), { isAtRest: true })));
    const owners = await oracle.sql.query<{ n: number }>('select count(*)::int as n from owners');
    const living = fleet.filter((one) => !one.isDead).length;
    if ((owners.rows[0]?.n ?? 0) > living) found.push(`${owners.rows[0]?.n} owners have a row, and ${living} live`);
    const { rows } = await oracle.sql.query<{ id: string }>('select id from instances');
    const there = new Set(rows.map((row) => row.id));
    for (const id of acknowledged) if (!there.has(id)) found.push(`${id} was acknowledged and is gone`);
    for (const id of there) found.push(...(await judgeOne(h, id, models.get(id) ?? calledKind)));
    return found;
  }
}

/** What it still does counts for nothing: it was taken for dead, and has not come back under a new name. */
function isLate({ isStale, isDead, buriedAs, engine }: Running): boolean {
  return isStale && (isDead || engine.ownerId === undefined || engine.ownerId === buriedAs);
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

function pick(published: ReadonlyMap<StormKind, string>, name: string): [StormKind, string] {
  for (const [kind, workflowId] of published) if (kind.name === name) return [kind, workflowId];
  return never(`no kind ${name}`);
}

function never(what: string): never {
  throw new Error(what);
}
