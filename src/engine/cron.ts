/** When a cron expression fires, by the wall clock of its zone. Pure. croner does the calendar; this fixes how it is used.
 *  Daylight saving: a fixed time (one hour, one minute) that the spring jump skips fires right after it, one that autumn shows twice fires once;
 *  everything else ("every quarter of an hour") goes by real time through both. A day that a zone leaves out has no times. */
import { Cron } from 'croner';
import { cronWords } from './cron-words.ts';

/** Five fields, or six with seconds first. */
const MODE = '5-or-6-parts';

export interface Schedule {
  readonly expression: string;
  readonly timezone: string;
}

/** Parsed schedules: each is asked again and again. */
const parsed = new Map<string, Cron>();
const MAX_PARSED = 2_000;

function parse(cron: Schedule): Cron {
  const name = `${cron.timezone} ${cron.expression}`;
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const job = new Cron(cron.expression, { timezone: cron.timezone, mode: MODE, paused: true, sloppyRanges: false });
  if (parsed.size >= MAX_PARSED) parsed.clear();
  parsed.set(name, job);
  return job;
}

/** @returns the first time strictly after `afterMs`, ms since the epoch; undefined when it never fires again
 *  @throws Error when the expression or the zone is not valid */
export function nextFire(cron: Schedule, afterMs: number): number | undefined {
  return parse(cron).nextRun(new Date(afterMs))?.getTime();
}

/** The last time in (afterMs, untilMs]; undefined when there is none. Some forty steps, however many times lie between. */
export function lastFire(cron: Schedule, afterMs: number, untilMs: number): number | undefined {
  let found = nextFire(cron, afterMs);
  if (found === undefined || found > untilMs) return undefined;
  // Invariant: `found` is a time, nothing fires in (high, untilMs].
  let high = untilMs;
  while (found < high) {
    const middle: number = Math.floor((found + high) / 2);
    const next: number | undefined = nextFire(cron, middle);
    if (next === undefined || next > untilMs) high = middle;
    else found = next;
  }
  return found;
}

/** What is wrong with a schedule, where and in words; undefined when it is right. */
export function cronFault(cron: Schedule, nowMs: number): { readonly field: 'timezone' | 'expression'; readonly message: string } | undefined {
  if (!isZone(cron.timezone)) return { field: 'timezone', message: `"${cron.timezone}" is no time zone; use a name like Europe/Berlin or UTC` };
  const wrong = (message: string) => ({ field: 'expression' as const, message });
  const { timezone } = cron;
  if (!isReadable(cron)) return wrong(cronWords(cron.expression, (expression) => isReadable({ expression, timezone })));
  return nextFire(cron, nowMs) === undefined ? wrong(`"${cron.expression}" never fires: none of the months it names has such a day`) : undefined;
}

function isReadable(cron: Schedule): boolean {
  try {
    parse(cron);
    return true;
  } catch {
    return false;
  }
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    // Offsets like +02:00 are zones to Intl and never change: what a person wants there is a name.
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}
