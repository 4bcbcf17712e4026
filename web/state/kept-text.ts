/** What somebody typed into a form and has not sent: kept in this tab under a key, so that closing a pane or reloading loses nothing. */

const keyOf = (name: string): string => `studio.form.${name}`;

/** Undefined when nothing is kept, or when the browser keeps nothing. */
export function readKeptText(name: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(keyOf(name)) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

export function keepText(name: string, value: unknown): void {
  try {
    sessionStorage.setItem(keyOf(name), JSON.stringify(value));
  } catch {
    // Private windows and full stores keep nothing: the form itself still stands.
  }
}

export function dropKeptText(name: string): void {
  try {
    sessionStorage.removeItem(keyOf(name));
  } catch {
    // Nothing was kept.
  }
}
