/** Keys of new nodes and ids of new comments: readable, and unique in the whole workflow. Pure. */

const MAX_KEY_CHARS = 64;

/** A key like `base` that is not taken: `http_request`, `http_request_2`, … @param base any text, a type or a name */
export function newKey(taken: ReadonlySet<string>, base: string): string {
  const plain = plainKey(base);
  if (!taken.has(plain)) return plain;
  const stem = plain.replace(/_\d{1,6}$/, '');
  for (let n = 2; ; n += 1) {
    const key = `${stem.slice(0, MAX_KEY_CHARS - 1 - String(n).length)}_${n}`;
    if (!taken.has(key)) return key;
  }
}

/** The text as a key may be: small letters, digits and _, beginning with a letter. */
export function plainKey(text: string): string {
  const plain = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^[_0-9]+|_+$/g, '')
    .slice(0, MAX_KEY_CHARS);
  return plain === '' ? 'step' : plain;
}

/** For each old key a new one: itself where it is free. */
export function freshKeys(keys: readonly string[], taken: ReadonlySet<string>): ReadonlyMap<string, string> {
  const used = new Set(taken);
  return new Map(
    keys.map((key) => {
      const fresh = newKey(used, key);
      used.add(fresh);
      return [key, fresh];
    }),
  );
}

export function newCommentId(taken: Iterable<string>): string {
  const used = new Set(taken);
  for (let n = 1; ; n += 1) if (!used.has(`note-${n}`)) return `note-${n}`;
}
