/** Waiting for what a test looks at, never for a time. Owns only the looking: with a faked clock use the harness's own `until`.
 *  Bounded, so that a wait that can't end says what it waited for. */

/** Far above what anything needs on a busy machine: it only ends a hang. */
const LIMIT_MS = 120_000;
/** Real work (a process, a database, a call) goes on between two looks. */
const PAUSE_MS = 20;

/** Looks until there is something: neither undefined nor false. @returns what was seen  @throws Error naming `what` after two minutes */
export async function until<T>(what: string | (() => string), look: () => T | Promise<T>): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const found = await look();
    if (isThere(found)) return found;
    if (performance.now() > deadline) throw new Error(`waited ${LIMIT_MS} ms for ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function isThere<T>(found: T): found is Exclude<T, undefined | false> {
  return found !== undefined && found !== false;
}
