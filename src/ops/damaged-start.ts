/** A start that met a page of the database that the disk has changed: trying again cures nothing, and ending would only make whoever runs Studio start it again
 *  and again. So it stays, with the page of the start, which says what a person has to do. */
import { messageOf } from '../kernel/fail.ts';
import { isCorruption } from '../store/client.ts';

/** @returns what to tell and to do; undefined: that is not what happened */
export function damageOf(error: unknown): string | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++)
    if (isCorruption(cause))
      return `PostgreSQL met damage (${messageOf(cause)}): the disk has changed what it holds. Nothing was changed. Stop Studio, restore the newest backup (studio backup restore latest), start it again, and look at the disk.`;
  return undefined;
}
