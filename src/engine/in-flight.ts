/** Works through a list with a bound on how many are in work at once. */

/** Rejects as soon as one does, after those in work have ended; the others are not begun. */
export async function inFlight<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let fault: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined && fault === undefined; item = items[next++]) {
      try {
        await work(item);
      } catch (error) {
        fault ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (fault !== undefined) throw fault.error;
}
