/** When a cron expression fires, by the wall clock of its zone. Pure. croner does the calendar; this fixes how it is used.
 *  Daylight saving: a fixed time that the spring jump skips fires right after it; one that autumn shows twice fires once. */
import { Cron } from 'croner';

/** Five fields, or six with seconds first. */
const MODE = '5-or-6-parts';

/** @returns the first time strictly after `afterMs`, ms since the epoch; undefined when it never fires again
 *  @throws Error when the expression or the zone is not valid */
export function nextFire(cron: { readonly expression: string; readonly timezone: string }, afterMs: number): number | undefined {
  const job = new Cron(cron.expression, { timezone: cron.timezone, mode: MODE, paused: true, sloppyRanges: false });
  return job.nextRun(new Date(afterMs))?.getTime();
}

/** What is wrong with a schedule, in words; undefined when it is right. */
export function cronFault(cron: { readonly expression: string; readonly timezone: string }, nowMs: number): string | undefined {
  if (!isZone(cron.timezone)) return `"${cron.timezone}" is no time zone; use a name like Europe/Berlin or UTC`;
  try {
    return nextFire(cron, nowMs) === undefined ? `"${cron.expression}" never fires again` : undefined;
  } catch (error) {
    return `"${cron.expression}" is no cron expression (${error instanceof Error ? error.message : String(error)}); five fields are minute hour day month weekday`;
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
