/** The known name closest to what somebody wrote, for "did you mean". Pure. */

/** The known name with the fewest edits; '' when none is known. */
export function nearestName(name: string, known: Iterable<string>): string {
  let best = '';
  let fewest = Infinity;
  for (const candidate of known) {
    const distance = editDistance(name, candidate);
    if (distance < fewest) [best, fewest] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "x"?` where one known name is a slip of the hand away, else nothing. */
export function didYouMean(name: string, known: Iterable<string>, sigil = ''): string {
  const plain = name.toLowerCase();
  const candidates = new Map([...known].filter((candidate) => Math.abs(candidate.length - plain.length) <= 3).map((name) => [name.toLowerCase(), name]));
  const near = candidates.get(nearestName(plain, candidates.keys())) ?? '';
  const isNear = near !== '' && editDistance(plain, near.toLowerCase()) <= Math.min(3, Math.ceil(plain.length / 3));
  return isNear ? `; did you mean "${sigil}${near}"?` : '';
}

/** How many letters have to be put in, taken out or changed: Levenshtein (1965), one row at a time. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
