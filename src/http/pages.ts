/** Pages of lists: a list is asked for one more than the page holds; whether it came says whether there is a next page. */

export interface Page<Item> {
  readonly items: Item[];
  readonly next: string | null;
  readonly cursor: string;
}

/** @param found up to `limit + 1` items, in order  @param after what `?after=` takes to go on behind an item */
export function pageOf<Item>(
  found: readonly Item[],
  options: { readonly limit: number; readonly after: (item: Item) => string; readonly cursor: string },
): Page<Item> {
  const items = found.slice(0, options.limit);
  const last = items.at(-1);
  return { items, next: found.length > options.limit && last !== undefined ? options.after(last) : null, cursor: options.cursor };
}

/** A page of a short list that is held whole, ordered by a unique name. */
export function pageOfAll<Item>(
  all: readonly Item[],
  options: { readonly limit: number; readonly after: string | undefined; readonly nameOf: (item: Item) => string; readonly cursor: string },
): Page<Item> {
  const start = options.after === undefined ? 0 : all.findIndex((item) => options.nameOf(item) === options.after) + 1;
  return pageOf(all.slice(start, start + options.limit + 1), { limit: options.limit, after: options.nameOf, cursor: options.cursor });
}
