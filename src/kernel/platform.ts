/** The few functions of newer Nodes that Studio uses, for when the bundle is started by an older one (20 and up).
 *  Never replaces what is there. */

/** Adds what is missing to the global objects. Call it before anything else is imported. */
export function fillPlatform(): void {
  fill(Promise, 'withResolvers', function withResolvers<T>() {
    let resolve: (value: T | PromiseLike<T>) => void = () => undefined;
    let reject: (reason?: unknown) => void = () => undefined;
    const promise = new Promise<T>((onResolve, onReject) => ([resolve, reject] = [onResolve, onReject]));
    return { promise, resolve, reject };
  });
  fill(Promise, 'try', (work: (...args: unknown[]) => unknown, ...args: unknown[]) => new Promise((resolve) => resolve(work(...args))));
  fill(Array, 'fromAsync', async (items: AsyncIterable<unknown>) => {
    const all: unknown[] = [];
    for await (const item of items) all.push(item);
    return all;
  });
  fill(Set.prototype, 'difference', function difference(this: Set<unknown>, other: Set<unknown>) {
    return new Set([...this].filter((item) => !other.has(item)));
  });
  fill(Set.prototype, 'intersection', function intersection(this: Set<unknown>, other: Set<unknown>) {
    return new Set([...this].filter((item) => other.has(item)));
  });
  fill(Set.prototype, 'union', function union(this: Set<unknown>, other: Set<unknown>) {
    return new Set([...this, ...other]);
  });
}

function fill(target: object, name: string, value: unknown): void {
  if (!(name in target)) Object.defineProperty(target, name, { value, writable: true, configurable: true });
}
