/** What a page will ask for, asked while its chunk is still on the way: the two take as long as the slower one, not as both. */

const asked = new Map<string, Promise<unknown>>();

// A page that never came takes nothing: what was read for it would be old.
const KEPT_MS = 10_000;

/** Asks now, for whoever takes it soon. */
export function askAhead(name: string, load: () => Promise<unknown>): void {
  if (asked.has(name)) return;
  const answer = load();
  asked.set(name, answer);
  // Who takes it sees the fault; nobody else has to.
  answer.catch(() => undefined);
  setTimeout(() => asked.delete(name), KEPT_MS);
}

/** The answer that was asked for ahead, once; undefined: nobody did. */
export function takeAhead<Value>(name: string): Promise<Value> | undefined {
  const answer = asked.get(name);
  asked.delete(name);
  return answer as Promise<Value> | undefined;
}
