/** A storm: an engine in this process on a real PostgreSQL, many instances of every construct, and random strikes at its commits: it dies
 *  before or after one, its connections are cut, or it is frozen while another takes over. Seconds of work where a campaign takes minutes.
 *  Everything chosen comes from the seed. */
import type { Logger } from '../../kernel/log.ts';
import { engineHarness } from '../engine.ts';
import { randomOf, shuffle } from './random.ts';
import { createClients } from './storm-clients.ts';
import { createFleet } from './storm-fleet.ts';
import { evidenceOf, judgeStorm } from './storm-judge.ts';
import { calledKind, poisonKind, stormKinds, type StormKind } from './storm-kinds.ts';
import { stormOracle } from './storm-oracle.ts';
import { armStrikes, type StormStrike } from './storm-strikes.ts';
import { workQueues } from './storm-work.ts';

export interface StormOptions {
  readonly seed: number;
  /** Instances that are started one by one; a batch comes on top. */
  readonly instances: number;
  readonly strikes: readonly StormStrike[];
  /** Default: none. */
  readonly log?: Logger;
}

export interface StormResult {
  readonly violations: readonly string[];
  /** What is recorded of the first instance that a violation names. */
  readonly evidence: string;
  /** How many of the strikes fell: a storm may be over before. */
  readonly struck: number;
  readonly executions: number;
}

/** Turns of the loop that a storm may take: far more than any needs. */
const MAX_TURNS = 2_500;
/** Enough to see what is wrong. */
const MAX_VIOLATIONS = 20;

export async function runStorm(options: StormOptions): Promise<StormResult> {
  const storm = await createStorm(options);
  try {
    return await storm.run();
  } finally {
    await storm.close();
  }
}

interface Storm {
  run(): Promise<StormResult>;
  close(): Promise<void>;
}

async function createStorm(options: StormOptions): Promise<Storm> {
  const random = randomOf(options.seed);
  const h = await engineHarness(options.log === undefined ? {} : { log: options.log });
  const oracle = stormOracle(h.db.adminUrl);
  let isOver = false;
  let turns = 0;
  const fleet = createFleet(h, oracle, () => turns);
  const clients = createClients({ h, oracle, fleet, random, isOver: () => isOver });

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
      await fleet.silence();
      fleet.boot();
      await h.until(() => h.engine.stats !== undefined && h.engine.ownerId !== undefined, 'the first engine');
      const published = await publishAll();
      const kinds = shuffle([...published], random);
      const disarm = armStrikes(options.strikes, fleet);
      let open = 1;
      const settled = (error?: unknown): void => {
        open -= 1;
        if (error !== undefined) oracle.violations.push(`a client gave up: ${String(error)}`);
      };
      void clients.batch(...pick(published, 'fan'), ['inst_b1', 'inst_b2', 'inst_b3']).then(() => settled(), settled);
      for (let index = 0; index < options.instances; index++) {
        const [kind, workflowId] = kinds[index % kinds.length] ?? never('no kind');
        open += 1;
        void clients.client(kind, workflowId, `inst_${index}`).then(() => settled(), settled);
      }
      try {
        for (; turns < MAX_TURNS && oracle.violations.length < MAX_VIOLATIONS; turns++) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          fleet.heal();
          if (fleet.mustBoot()) {
            await fleet.silence();
            fleet.boot();
          }
          if (turns % 5 === 4) {
            for (const one of fleet.engines) if (!one.gate.isShut) await one.clock.advance(500);
            await fleet.keepSilent();
            await workQueues({ h, oracle, fleet, models: clients.models, random });
          }
          if (turns % 25 === 24 && open === 0 && !fleet.isFrozen() && !fleet.mustBoot() && (await isQuiet())) break;
        }
      } finally {
        disarm();
        isOver = true;
        for (const one of fleet.engines) one.gate.open();
      }
      if (open > 0) oracle.violations.push(`${open} clients had not come to their end after ${turns} turns`);
      const judged = { h, oracle, engines: fleet.engines, clients };
      const violations = await judgeStorm(judged);
      return { violations, evidence: await evidenceOf(violations, judged), struck: fleet.struck(), executions: oracle.executions };
    },
    async close() {
      isOver = true;
      for (const one of fleet.engines) one.gate.open();
      await oracle.close();
      await h.close();
    },
  };

  async function isQuiet(): Promise<boolean> {
    const { rows } = await oracle.sql.query<{ live: number; open: number }>(
      `select (select count(*)::int from instances where status not in ('completed', 'failed', 'cancelled')) as live,
         (select count(*)::int from jobs where status in ('queued', 'running') and id = any($1)) as open`,
      [h.cancelled],
    );
    return rows[0]?.live === 0 && rows[0].open === 0;
  }
}

function pick(published: ReadonlyMap<StormKind, string>, name: string): [StormKind, string] {
  for (const [kind, workflowId] of published) if (kind.name === name) return [kind, workflowId];
  return never(`no kind ${name}`);
}

function never(what: string): never {
  throw new Error(what);
}
