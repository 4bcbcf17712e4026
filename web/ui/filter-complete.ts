/** Completion of a filter that is typed: names of terms, then their values. Pure; filter-bar.tsx shows it. */

/** A term that a list knows. */
export interface FilterTerm {
  readonly name: string;
  /** What it means, in a few words. */
  readonly hint: string;
  readonly values?: readonly FilterValue[];
  /** Its value holds a colon and no commas: `label:team:blue`. */
  readonly isPair?: boolean;
}

export interface FilterValue {
  readonly value: string;
  /** Where the value is not what people call it: the name of a workflow. */
  readonly label?: string;
  readonly count?: number;
}

export interface Completion {
  /** What is replaced, and with what. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly label: string;
  readonly hint: string;
}

const MOST = 12;

/** What may be meant at the caret, the likeliest first. */
export function completionsAt(text: string, caret: number, terms: readonly FilterTerm[]): readonly Completion[] {
  const from = startOfToken(text, caret);
  const token = text.slice(from, caret);
  const colon = token.indexOf(':');
  if (colon === -1) return namesOf(token, from, caret, terms);
  const term = terms.find((each) => each.name === token.slice(0, colon));
  if (term?.values === undefined) return [];
  const before = token.slice(colon + 1);
  const comma = term.isPair === true ? -1 : before.lastIndexOf(',');
  const typed = before
    .slice(comma + 1)
    .replaceAll('"', '')
    .toLowerCase();
  const chosen = new Set(comma === -1 ? [] : before.slice(0, comma).split(','));
  return term.values
    .filter((each) => !chosen.has(each.value) && matches(each, typed))
    .slice(0, MOST)
    .map((each) => ({
      from: from + colon + 1 + comma + 1,
      to: caret,
      text: `${/\s/.test(each.value) ? `"${each.value}"` : each.value} `,
      label: each.label ?? each.value,
      hint: each.count === undefined ? '' : each.count.toLocaleString('en'),
    }));
}

function namesOf(token: string, from: number, to: number, terms: readonly FilterTerm[]): readonly Completion[] {
  const typed = token.toLowerCase();
  return terms
    .filter((term) => term.name.startsWith(typed))
    .slice(0, MOST)
    .map((term) => ({ from, to, text: `${term.name}:`, label: `${term.name}:`, hint: term.hint }));
}

function matches(value: FilterValue, typed: string): boolean {
  return value.value.toLowerCase().includes(typed) || value.label?.toLowerCase().includes(typed) === true;
}

/** After the last space that does not stand in quotes. */
function startOfToken(text: string, caret: number): number {
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < caret; at += 1) {
    if (text[at] === '"') isQuoted = !isQuoted;
    else if (!isQuoted && /\s/.test(text[at] ?? '')) start = at + 1;
  }
  return start;
}

/** The text with a completion put in. @returns it, and where the caret stands then */
export function complete(text: string, chosen: Completion): { readonly text: string; readonly caret: number } {
  const rest = text.slice(chosen.to).replace(/^\s+/, '');
  return { text: `${text.slice(0, chosen.from)}${chosen.text}${rest}`, caret: chosen.from + chosen.text.length };
}
