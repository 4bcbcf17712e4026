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

/** Most rows kept when pages are added; enough for an hour of scrolling, little enough for memory. */
export const MAX_ROWS = 5_000;

export function listOf<Row extends LiveRow>(items: readonly Row[], next: string | null): LiveList<Row> {
  return { rows: items, held: [], heldMore: 0, next };
}

/** Adds an older page. */
export function appendPage<Row extends LiveRow>(list: LiveList<Row>, items: readonly Row[], next: string | null): LiveList<Row> {
  const known = new Set(list.rows.map((row) => row.id));
  const rows = [...list.rows, ...items.filter((row) => !known.has(row.id))].slice(0, MAX_ROWS);
  return { ...list, rows, next };
}

/** The row with this id, shown or held. */
export function findRow<Row extends LiveRow>(list: LiveList<Row>, id: string): Row | undefined {
  return list.rows.find((row) => row.id === id) ?? list.held.find((row) => row.id === id);
}

/** Changes a known row in place; an older or equal sequence changes nothing. */
export function updateRow<Row extends LiveRow>(list: LiveList<Row>, row: Row): LiveList<Row> {
  const change = (rows: readonly Row[]): readonly Row[] => {
    const index = rows.findIndex((each) => each.id === row.id);
    const old = rows[index];
    return old === undefined || old.seq >= row.seq ? rows : rows.with(index, row);
  };
  const rows = change(list.rows);
  const held = change(list.held);
  return rows === list.rows && held === list.held ? list : { ...list, rows, held };
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
