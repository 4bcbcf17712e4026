/** Counts of values by size, as Prometheus reads a histogram. Counting costs some nanoseconds: it stands on the path of every step.
 *  Invariant: the counts never fall while the process lives. */

export interface Buckets {
  observe(value: number): void;
  /** Lines of the exposition format, without HELP and TYPE. @param labels `queue="gpu"`, or nothing */
  lines(name: string, labels?: string): readonly string[];
}

/** @param bounds upper ends, ascending */
export function createBuckets(bounds: readonly number[]): Buckets {
  const counts = new Float64Array(bounds.length + 1);
  let sum = 0;
  return {
    observe(value) {
      let at = 0;
      while (at < bounds.length && value > (bounds[at] ?? 0)) at += 1;
      counts[at] = (counts[at] ?? 0) + 1;
      sum += value;
    },
    lines(name, labels = '') {
      const comma = labels === '' ? '' : `${labels},`;
      const braces = labels === '' ? '' : `{${labels}}`;
      let total = 0;
      const steps = [...bounds.map(String), '+Inf'].map((bound, at) => {
        total += counts[at] ?? 0;
        return `${name}_bucket{${comma}le="${bound}"} ${total}`;
      });
      return [...steps, `${name}_sum${braces} ${sum}`, `${name}_count${braces} ${total}`];
    },
  };
}
