/** Texts that are no value yet (broken JSON, a name typed twice): kept while one looks elsewhere, and over a reload of the tab.
 *  One thing to know: what can stand in the definition as it was typed (a number half typed) is put there instead, and survives everything. */

const PREFIX = 'studio.half-typed.';
const held = new Map<string, string>();

export function readHalfTyped(place: string): string | undefined {
  const known = held.get(place);
  if (known !== undefined) return known;
  try {
    return sessionStorage.getItem(PREFIX + place) ?? undefined;
  } catch {
    return undefined;
  }
}

/** `undefined`: it became a value, or was given up. */
export function keepHalfTyped(place: string, text: string | undefined): void {
  if (text === undefined) held.delete(place);
  else held.set(place, text);
  try {
    if (text === undefined) sessionStorage.removeItem(PREFIX + place);
    else sessionStorage.setItem(PREFIX + place, text);
  } catch {
    // Private windows and full stores keep nothing beyond this page.
  }
}
