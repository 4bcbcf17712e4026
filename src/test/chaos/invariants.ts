/** Rules that the database and the machine keep whatever dies: looked at from outside Studio, past its API. The only place outside store/
 *  that reads tables: an oracle that asked the store's own queries would share its faults. */
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { pidsOf, processTree } from '../studio-process.ts';

const ENDED_INSTANCE = `('completed', 'failed', 'cancelled')`;
const ENDED_STEP = `('completed', 'failed', 'skipped', 'cancelled', 'timed_out', 'cached')`;
/** A verdict names some; the count is the same to whoever reads it. */
const SHOWN = 20;

/** Each selects, as text, what breaks its rule. They hold at every moment. */
const ALWAYS: Readonly<Record<string, string>> = {
  'a step without its instance': `select s.instance_id || '/' || s.path from steps s left join instances i on i.id = s.instance_id where i.id is null`,
  'a live step in an ended instance': `select s.instance_id || '/' || s.path || ' ' || s.status || ' in ' || i.status from steps s join instances i on i.id = s.instance_id
    where i.status in ${ENDED_INSTANCE} and s.status not in ${ENDED_STEP}`,
  'a gap in a stream, or a number given twice': `select kind || ':' || id || ' has ' || count(*) || ' events, the last ' || max(sequence) from outbox where kind in ('instance', 'job')
    group by kind, id having count(*) <> max(sequence) or count(distinct sequence) <> count(*)`,
  'an instance whose sequence is not that of its last event': `select i.id || ' says ' || i.seq || ', its stream ' || o.last from instances i
    join (select id, max(sequence) as last from outbox where kind = 'instance' group by id) o on o.id = i.id where i.seq <> o.last and i.status in ${ENDED_INSTANCE}`,
  'a step that ended more than once in one generation': `select id || '/' || (payload::jsonb ->> 'path') || '#' || (payload::jsonb ->> 'generation') || ' ' || count(*) from outbox
    where kind = 'instance' and type in ('engine:step:completed', 'engine:step:failed', 'engine:step:skipped', 'engine:step:cancelled')
    group by id, payload::jsonb ->> 'path', payload::jsonb ->> 'generation' having count(*) > 1`,
  'a generation that was left out': `select instance_id || '/' || path from steps group by instance_id, path having count(*) <> max(generation)`,
  'two open jobs of one step': `select instance_id || '/' || step_path || ' has ' || count(*) from jobs where instance_id is not null and status in ('queued', 'running') and cancel_requested_at is null
    group by instance_id, step_path having count(*) > 1`,
};

/** These hold once nothing is live. */
const AT_REST: Readonly<Record<string, string>> = {
  'an open job of an ended step': `select j.id || ' ' || j.status || ' of ' || j.instance_id || '/' || j.step_path from jobs j where j.status in ('queued', 'running') and j.instance_id is not null`,
};

/** Looks at the rules in the database of the Studio of `workspace`.
 *  @param options.owners how many processes may own instances  @returns what breaks them, each named */
export async function findBroken(database: pg.ClientConfig, options: { readonly isAtRest: boolean; readonly owners?: number }): Promise<string[]> {
  const client = new pg.Client(database);
  client.on('error', () => undefined);
  await client.connect();
  try {
    const broken: string[] = [];
    for (const [rule, query] of Object.entries({ ...ALWAYS, ...(options.isAtRest ? AT_REST : {}) })) {
      const { rows } = await client.query<string[]>({ text: `${query} limit ${SHOWN}`, rowMode: 'array' });
      broken.push(...rows.map(([what]) => `${rule}: ${what}`));
    }
    const { rows } = await client.query<{ n: number }>('select count(*)::int as n from owners');
    if (options.isAtRest && options.owners !== undefined && rows[0]?.n !== options.owners)
      broken.push(`${rows[0]?.n} owners have a row, and ${options.owners} live`);
    return broken;
  } finally {
    await client.end();
  }
}

/** Which of these instances are not there. */
export async function findMissing(database: pg.ClientConfig, ids: readonly string[]): Promise<string[]> {
  const client = new pg.Client(database);
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>('select id from instances where id = any($1)', [[...ids]]);
    const there = new Set(rows.map((row) => row.id));
    return ids.filter((id) => !there.has(id));
  } finally {
    await client.end();
  }
}

/** Processes of the workspace that do not descend from its Studio: once nothing is live there are none. */
export function findStrays(workspace: string, studioPid: number): string[] {
  const known = new Set(processTree(studioPid));
  return pidsOf(workspace)
    .filter((pid) => !known.has(pid))
    .map((pid) => `process ${pid} was left behind: ${commandOf(pid)}`);
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 200);
  } catch {
    return 'it has ended';
  }
}
