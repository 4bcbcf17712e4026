/** The log level that somebody set while Studio ran. Of the machine. */
import type { Sql } from './client.ts';
import { readMachineSetting, writeMachineSetting } from './machine.ts';

export const LOG_LEVEL_CHANNEL = 'studio_log_level';
const KEY = 'log_level';

export interface StoredLogLevel {
  readonly level: string | null;
  /** Ms since 1970; null: until it is set again. */
  readonly untilMs: number | null;
}

export async function readLogLevel(sql: Sql): Promise<StoredLogLevel | undefined> {
  const value = await readMachineSetting(sql, KEY);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { level, untilMs } = value;
  return { level: typeof level === 'string' ? level : null, untilMs: typeof untilMs === 'number' ? untilMs : null };
}

/** Writes it and tells every process. */
export async function writeLogLevel(sql: Sql, { level, untilMs, now }: StoredLogLevel & { readonly now: Date }): Promise<void> {
  await writeMachineSetting(sql, { key: KEY, value: { level, untilMs }, now });
  await sql.query(`select pg_notify($1, '')`, [LOG_LEVEL_CHANNEL]);
}
