/** What pages do with a filter beside parsing it: facets, "filter by this", and telling which terms a list does not know. Pure. */
import type { Filter } from '../route.ts';

/** Adds a value to a term, or takes it away when it is there. */
export function toggleTerm(filter: Filter, name: string, value: string): Filter {
  const values = filter.terms[name] ?? [];
  const kept = values.includes(value) ? values.filter((each) => each !== value) : [...values, value];
  const { [name]: _old, ...rest } = filter.terms;
  return { words: filter.words, terms: kept.length === 0 ? rest : { ...rest, [name]: kept } };
}

/** Terms that the list does not know, so that the page says so instead of ignoring them. */
export function unknownTerms(filter: Filter, known: readonly string[]): readonly string[] {
  return Object.keys(filter.terms).filter((name) => !known.includes(name));
}

/** True when every free word occurs in one of the texts, whatever the case. */
export function matchesWords(filter: Filter, texts: readonly string[]): boolean {
  return filter.words.every((word) => texts.some((text) => text.toLowerCase().includes(word.toLowerCase())));
}

/** True when every `label:key:value` (or `label:key`) of the filter is among the labels. */
export function matchesLabels(filter: Filter, labels: Readonly<Record<string, string>>): boolean {
  return (filter.terms['label'] ?? []).every((term) => {
    const colon = term.indexOf(':');
    return colon === -1 ? term in labels : labels[term.slice(0, colon)] === term.slice(colon + 1);
  });
}

/** True when a term is absent or names this value. */
export function matchesTerm(filter: Filter, name: string, value: string | undefined): boolean {
  const values = filter.terms[name];
  return values === undefined || values.length === 0 || (value !== undefined && values.includes(value));
}
