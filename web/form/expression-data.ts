/** What an expression can read at a place, with sample values: the data of the last run, as far as there is any. Pure: facts in, names out. */
import { expressionFunctions } from './expression-functions.ts';

/** Sample values by name: what completion walks and a preview is evaluated over. */
export interface ExpressionData {
  /** `input`, `steps`, `instance`, `workflow`, and inside bodies `item`, `index`, `parent`, `previous`. */
  readonly scope: Readonly<Record<string, unknown>>;
  /** Keys of steps that come before this place; those without a value in `scope.steps` have not run yet. */
  readonly steps: readonly StepName[];
  readonly secrets: readonly string[];
  /** Names that only this place has (`response` of a poll). */
  readonly names: readonly string[];
}

export interface StepName {
  readonly key: string;
  readonly title: string;
  readonly type: string;
  /** What its type says its output holds, for a step that has not run. */
  readonly outputs: readonly string[];
}

export interface Offer {
  readonly label: string;
  /** What is inserted in place of what is typed. */
  readonly insert: string;
  readonly kind: 'name' | 'function' | 'step' | 'secret';
  /** A short value or type beside it. */
  readonly detail: string;
  readonly info: string;
}

export interface Offers {
  /** Where what is typed of the last name begins. */
  readonly from: number;
  readonly offers: readonly Offer[];
}

const ROOT_TEXTS: Readonly<Record<string, string>> = {
  input: 'What the instance was started with.',
  steps: 'Ended steps: steps.<key>.output',
  instance: 'This run: id, createdAt, startedBy, labels.',
  workflow: 'Its workflow: id, name, version.',
  secrets: 'Secrets by name; masked wherever they would show.',
  item: 'The item of the map around.',
  index: 'Its place, from 0.',
  parent: 'The item around this one: parent.item, parent.index.',
  previous: 'What the round before gave; null in the first.',
};

/** A path before the cursor: names, backquoted names and fixed indexes, joined by dots. */
const CHAIN = /(?:[A-Za-z_$][\w$]*|`[^`]*`)(?:\[-?\d+\])*(?:\.(?:[A-Za-z_$][\w$]*|`[^`]*`)(?:\[-?\d+\])*)*\.?$|\$$/;

/** What can stand where the cursor is. `bare`: the whole text is an expression; otherwise only what stands in {{ }}.
 *  @returns undefined where no expression is open */
export function offersIn(text: string, position: number, options: { readonly bare: boolean; readonly data: ExpressionData }): Offers | undefined {
  const before = text.slice(0, position);
  const open = before.lastIndexOf('{{');
  const isOpen = open >= 0 && !before.slice(open).includes('}}');
  if (!isOpen && !(options.bare && !text.includes('{{'))) return undefined;
  const expression = isOpen ? before.slice(open + 2) : before;
  if (inQuotes(expression)) return undefined;
  const chain = CHAIN.exec(expression)?.[0] ?? '';
  const parts = splitChain(chain);
  const typed = parts.pop() ?? '';
  const offers = parts.length === 0 ? rootOffers(options.data) : memberOffers(parts, options.data);
  return { from: position - typed.length, offers };
}

/** An odd number of quotes before the cursor: a text, where no name is meant. */
function inQuotes(expression: string): boolean {
  return ['"', "'"].some((quote) => expression.split(quote).length % 2 === 0);
}

/** `a.b[0].c` → a, b, [0], c; the last is what is being typed. */
function splitChain(chain: string): string[] {
  const parts = (chain.match(/`[^`]*`|\[-?\d+\]|[A-Za-z_$][\w$]*/g) ?? []).map((part) => part.replaceAll('`', ''));
  return /[.\]]$/.test(chain) || chain === '' ? [...parts, ''] : parts;
}

function rootOffers(data: ExpressionData): readonly Offer[] {
  const roots = [...new Set([...data.names, 'input', 'steps', ...Object.keys(data.scope), 'secrets'])];
  return [
    ...roots.map((name): Offer => ({
      label: name,
      insert: name,
      kind: 'name',
      detail: sampleText(data.scope[name]),
      info: ROOT_TEXTS[name] ?? 'Of this field alone.',
    })),
    ...expressionFunctions.map((each): Offer => ({
      label: `$${each.name}`,
      insert: `$${each.name}(`,
      kind: 'function',
      detail: `(${each.arguments})`,
      info: each.text,
    })),
  ];
}

function memberOffers(parts: readonly string[], data: ExpressionData): readonly Offer[] {
  const [root, key, part] = parts;
  if (root === 'secrets')
    return parts.length > 1
      ? []
      : data.secrets.map((name) => ({ label: name, insert: name, kind: 'secret', detail: 'secret', info: 'Never stored with the instance, masked in logs.' }));
  if (root === 'steps' && key === undefined)
    return data.steps.map((step) => ({
      ...{ label: step.key, insert: step.key, kind: 'step', info: step.title },
      detail: sampleText(outputOf(data, step.key)) || step.type,
    }));
  if (root === 'steps' && part === undefined)
    return [
      { label: 'output', insert: 'output', kind: 'name', detail: sampleText(outputOf(data, key ?? '')), info: `What ${key ?? ''} returned.` },
      { label: 'error', insert: 'error', kind: 'name', detail: 'object', info: 'Its failure, where that was let through.' },
    ];
  const value = walk(data.scope, parts);
  if (value !== undefined) return membersOf(value);
  const step = data.steps.find((each) => each.key === key);
  return root === 'steps' && parts.length === 3 && part === 'output' && step !== undefined
    ? step.outputs.map((name) => ({ label: name, insert: quoted(name), kind: 'name', detail: step.type, info: 'It has not run yet.' }))
    : [];
}

function outputOf(data: ExpressionData, key: string): unknown {
  return walk(data.scope, ['steps', key, 'output']);
}

/** Follows names as an expression does: over a list it goes on with the items. */
function walk(value: unknown, parts: readonly string[]): unknown {
  return parts.reduce<unknown>((at, part) => {
    if (part.startsWith('[')) return Array.isArray(at) ? at.at(Number(part.slice(1, -1))) : at;
    if (Array.isArray(at)) return at.map((item) => memberOf(item, part)).find((item) => item !== undefined);
    return memberOf(at, part);
  }, value);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

// A map of 10,000 names is not completed by scrolling.
const MAX_MEMBERS = 200;

function membersOf(value: unknown): readonly Offer[] {
  const shown = Array.isArray(value) ? value.find((item) => typeof item === 'object' && item !== null && !Array.isArray(item)) : value;
  if (typeof shown !== 'object' || shown === null) return [];
  return Object.entries(shown as Readonly<Record<string, unknown>>)
    .slice(0, MAX_MEMBERS)
    .map(([name, member]) => ({
      ...{ label: name, insert: quoted(name), kind: 'name' as const, detail: sampleText(member) },
      info: Array.isArray(value) ? 'Of each item.' : '',
    }));
}

/** A name as a path writes it: in backquotes where it is no plain word. */
export function quoted(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : `\`${name}\``;
}

/** A value in a few characters: `"Ada"`, `12`, `[3]`, `{4}`. */
export function sampleText(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return `[${value.length}]`;
  if (typeof value === 'object' && value !== null) return `{${Object.keys(value).length}}`;
  const text = JSON.stringify(value);
  return text.length > 32 ? `${text.slice(0, 31)}…` : text;
}

/** The part of the sample that expressions in `template` can read: what a preview sends. Steps that no expression names stay here. */
export function readScope(template: string, scope: ExpressionData['scope']): Record<string, unknown> {
  const entries = Object.entries(scope).filter(([name]) => template.includes('$$') || template.includes('**') || new RegExp(`\\b${name}\\b`).test(template));
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (name !== 'steps' || typeof value !== 'object' || value === null) return [name, value];
      // `steps[…]` and `$lookup(steps, …)` may read any.
      if (/\bsteps\b(?!\s*\.)|\bsteps\s*\.\s*[*%(]/.test(template)) return [name, value];
      const named = Object.entries(value).filter(([key]) => template.includes(key));
      return [name, Object.fromEntries(named)];
    }),
  );
}
