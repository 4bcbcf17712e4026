/** The oracle of a storm: node types whose bodies tell it when they run, and which look into the database, past the engine, whether they
 *  may. Its own connections are never cut. */
import pg from 'pg';
import * as z from 'zod';
import { defineJobNode, defineNode, inPort, NodeError, outPort, type NodeType } from '../../nodes/kit.ts';

export interface StormOracle {
  /** Violations so far. */
  readonly violations: string[];
  /** Its own way into the database, as a superuser. */
  readonly sql: pg.Pool;
  /** The node types of one engine. @param isStale whether that engine was taken for dead: what it still does is known to be late */
  typesOf(isStale: () => boolean): readonly NodeType[];
  /** An execution begins: it must be allowed by what is recorded. */
  began(execution: Begun, isStale: boolean): Promise<void>;
  /** Something that may make an execution happen again begins. @returns what ends it */
  struck(): () => void;
  /** Executions that nothing explains. */
  findNeedless(): readonly string[];
  readonly executions: number;
  close(): Promise<void>;
}

export interface Begun {
  readonly instanceId: string;
  readonly path: string;
  readonly generation: number;
  readonly attempt: number;
  /** Paths whose results must be recorded before. */
  readonly after: readonly string[];
}

interface Noted {
  readonly key: string;
  readonly tick: number;
}

const ENDED = `('completed', 'failed', 'skipped', 'cancelled', 'timed_out', 'cached')`;

export function stormOracle(adminUrl: string): StormOracle {
  const sql = new pg.Pool({ connectionString: adminUrl, max: 4 });
  // The database is dropped while a connection may idle.
  sql.on('error', () => undefined);
  const violations: string[] = [];
  const noted: Noted[] = [];
  const strikes: { readonly from: number; until: number }[] = [];
  let tick = 0;

  async function began(execution: Begun, isStale: boolean): Promise<void> {
    const { instanceId, path, generation, attempt, after } = execution;
    const key = `${instanceId}/${path}/${generation}`;
    if (!isStale) noted.push({ key: `${key}@${attempt}`, tick: ++tick });
    const { rows } = await sql.query<{ instance: string | null; own: string | null; before: number }>(
      `select (select status from instances where id = $1) as instance, (select status from steps where instance_id = $1 and path = $2 and generation = $3) as own,
         (select count(distinct path)::int from steps where instance_id = $1 and path = any($4) and status in ${ENDED}) as before`,
      [instanceId, path, generation, [...after]],
    );
    const row = rows[0];
    if (row === undefined || isStale) return;
    if (row.instance === null) violations.push(`${key} ran before its instance was recorded`);
    // Cancelled it may have been while we asked.
    if (row.own !== null && !['pending', 'queued', 'running', 'waiting', 'cancelled'].includes(row.own))
      violations.push(`${key} ran although it is recorded as ${row.own}`);
    if (row.before < after.length) violations.push(`${key} ran before ${after.join(', ')} was recorded`);
  }

  /** Fails its first `failures` attempts, and for good in its first `broken` generations. */
  const act = (isStale: () => boolean): NodeType =>
    defineNode({
      type: 'storm.act',
      version: 1,
      title: 'Act',
      summary: 'For tests.',
      docs: '',
      category: 'flow',
      inputs: inPort,
      outputs: outPort,
      params: z.strictObject({
        value: z.json().default(null),
        after: z.array(z.string()).default([]),
        failures: z.number().default(0),
        broken: z.number().default(0),
        turns: z.number().default(0),
      }),
      example: {},
      runs: 'inline',
      pure: false,
      async run(params, context) {
        const { instanceId, path, generation, attempt } = context;
        await began({ instanceId, path, generation, attempt, after: params.after }, isStale());
        for (let turn = 0; turn < params.turns; turn++) await new Promise((resolve) => setImmediate(resolve));
        if (generation <= params.broken) throw new NodeError('broken', 'not in this generation', { final: true });
        if (attempt <= params.failures) throw new NodeError('unlucky', 'not this time');
        return { kind: 'output', output: params.value };
      },
    });
  const job = defineJobNode({
    type: 'storm.job',
    version: 1,
    title: 'Job',
    summary: 'For tests.',
    docs: '',
    category: 'machine',
    inputs: inPort,
    outputs: outPort,
    params: z.strictObject({}),
    example: {},
    runs: 'job',
    queue: 'studio',
    toCommand: () => ({ command: ['true'] }),
    toOutput: (_params, ended) => ({ kind: 'output', output: ended.stdout }),
  });

  return {
    violations,
    sql,
    typesOf: (isStale) => [act(isStale), job],
    began,
    struck() {
      const strike = { from: ++tick, until: Number.POSITIVE_INFINITY };
      strikes.push(strike);
      return () => void (strike.until = ++tick);
    },
    findNeedless() {
      return [...Map.groupBy(noted, (one) => one.key)].flatMap(([key, group]) =>
        group.slice(1).flatMap((one, index) => {
          const before = group[index]?.tick ?? 0;
          return strikes.some((strike) => strike.from < one.tick && strike.until > before) ? [] : [`${key} ran again with nothing between`];
        }),
      );
    },
    get executions() {
      return noted.length;
    },
    close: () => sql.end(),
  };
}
