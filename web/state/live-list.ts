/** A live list, newest first: a snapshot of pages plus rows that events change in place or announce.
 *  Pure. Invariant: a row never changes its position by itself; new rows wait in `held` until the reader asks for them. */

export interface LiveRow {
  readonly id: string;
  readonly seq: number;
}

export interface LiveList<Row extends LiveRow> {
  readonly rows: readonly Row[];
  /** New rows, newest first, not shown yet. */
  readonly held: readonly Row[];
  /** New rows beyond what is held. */
  readonly heldMore: number;
  readonly next: string | null;
}

/** Most new rows kept while the reader looks away; more are only counted, and showing them takes a new snapshot. */
export const MAX_HELD = 200;

/** Most rows kept when pages are added: further back a filter is quicker than scrolling. */
export const MAX_ROWS = 100_000;

// Where each row stands, so that an event finds its row among 100,000. Rows keep their place when one changes: the map goes along.
const places = new WeakMap<readonly LiveRow[], Map<string, number>>();

function placesOf(rows: readonly LiveRow[]): Map<string, number> {
  let found = places.get(rows);
  if (found === undefined) {
    found = new Map(rows.map((row, index) => [row.id, index]));
    places.set(rows, found);
  }
  return found;
}

function placeOf(rows: readonly LiveRow[], id: string): number {
  const index = placesOf(rows).get(id) ?? -1;
  // A map that a longer list grew names rows that this one has not.
  return rows[index]?.id === id ? index : -1;
}

export function listOf<Row extends LiveRow>(items: readonly Row[], next: string | null): LiveList<Row> {
  return { rows: items, held: [], heldMore: 0, next };
}

/** Adds an older page. */
export function appendPage<Row extends LiveRow>(list: LiveList<Row>, items: readonly Row[], next: string | null): LiveList<Row> {
  const fresh = items.filter((row) => placeOf(list.rows, row.id) === -1).slice(0, MAX_ROWS - list.rows.length);
  const rows = [...list.rows, ...fresh];
  const known = placesOf(list.rows);
  fresh.forEach((row, index) => known.set(row.id, list.rows.length + index));
  places.set(rows, known);
  return { ...list, rows, next: rows.length >= MAX_ROWS ? null : next };
}

/** The row with this id, shown or held. */
export function findRow<Row extends LiveRow>(list: LiveList<Row>, id: string): Row | undefined {
  return list.rows[placeOf(list.rows, id)] ?? list.held.find((row) => row.id === id);
}

/** Changes a known row in place; an older or equal sequence changes nothing. */
export function updateRow<Row extends LiveRow>(list: LiveList<Row>, row: Row): LiveList<Row> {
  const index = placeOf(list.rows, row.id);
  const shown = list.rows[index];
  if (shown !== undefined) {
    if (shown.seq >= row.seq) return list;
    const rows = list.rows.with(index, row);
    places.set(rows, placesOf(list.rows));
    return { ...list, rows };
  }
  const waiting = list.held.findIndex((each) => each.id === row.id);
  const old = list.held[waiting];
  return old === undefined || old.seq >= row.seq ? list : { ...list, held: list.held.with(waiting, row) };
}

/** Announces a row that is not in the list. */
export function holdRow<Row extends LiveRow>(list: LiveList<Row>, row: Row): LiveList<Row> {
  if (findRow(list, row.id) !== undefined) return updateRow(list, row);
  const held = [row, ...list.held].sort((a, b) => (a.id < b.id ? 1 : -1));
  return held.length > MAX_HELD ? { ...list, held: held.slice(0, MAX_HELD), heldMore: list.heldMore + 1 } : { ...list, held };
}

/** Shows what was held. Only right while `heldMore` is 0; otherwise take a new snapshot. */
export function showHeld<Row extends LiveRow>(list: LiveList<Row>): LiveList<Row> {
  return { ...list, rows: [...list.held, ...list.rows].slice(0, MAX_ROWS), held: [], heldMore: 0 };
}

export function removeRow<Row extends LiveRow>(list: LiveList<Row>, id: string): LiveList<Row> {
  return { ...list, rows: list.rows.filter((row) => row.id !== id), held: list.held.filter((row) => row.id !== id) };
}
