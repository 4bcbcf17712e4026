/** `studio health [PART]`: every probe of the running Studio with its reason, or the facts of one part. Exit status 1 when a required part is down, 3 when
 *  nothing runs. */
import { findHolder } from '../supervise/lock.ts';
import { readLocal } from './api-door.ts';
import { print, printJson, printTable, readArguments, readConfig, wrongVerb, type Command } from './command.ts';
import type * as z from 'zod';
import type { fullHealth } from '../contract/health.ts';

type Full = z.infer<typeof fullHealth>;

const PARTS = ['redis', 'workers', 'storage', 'database'];
const NOT_RUNNING = 3;

export const health: Command = async (args) => {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } });
  const [part] = positionals;
  if (part !== undefined && !PARTS.includes(part)) throw wrongVerb('health', part);
  const loaded = await readConfig(values.config);
  if (findHolder(loaded.config.workspacePath) === undefined) {
    if (values.json === true) printJson({ status: 'stopped', ok: false, checks: [] });
    else print(`Studio does not run on ${loaded.config.workspacePath}.`);
    return NOT_RUNNING;
  }
  const reply = await readLocal(loaded, `/api/v1/infrastructure/health/${part ?? 'full'}`);
  const facts = JSON.parse(reply.text) as unknown;
  if (values.json === true || part !== undefined) printJson(facts);
  else if (isFull(facts)) tell(facts);
  else throw new Error(`Studio answered ${reply.status}: ${reply.text.slice(0, 300)}`);
  return reply.status === 200 ? 0 : 1;
};

function isFull(facts: unknown): facts is Full {
  return typeof facts === 'object' && facts !== null && 'checks' in facts;
}

function tell({ status, checks }: Full): void {
  print(`${status}\n`);
  printTable(
    checks.map(({ name, required, ok, ms, reason, help }) => [
      ok ? 'ok' : required ? 'DOWN' : 'degraded',
      name,
      `${Math.round(ms)} ms`,
      [reason, help].filter((text) => text !== undefined).join('  '),
    ]),
  );
}
