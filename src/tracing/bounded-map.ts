/** What is remembered of work under way, for its spans: at most so many entries, the oldest are forgotten first. What was forgotten costs a span or a link,
 *  never memory. */
export interface BoundedMap<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  /** Reads and forgets. */
  take(key: string): Value | undefined;
}

export function createBoundedMap<Value>(limit: number): BoundedMap<Value> {
  const entries = new Map<string, Value>();
  return {
    get: (key) => entries.get(key),
    set(key, value) {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size <= limit) return;
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    },
    take(key) {
      const value = entries.get(key);
      if (value !== undefined) entries.delete(key);
      return value;
    },
  };
}
