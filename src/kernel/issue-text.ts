/** A schema's refusal in words for a person: what was expected, and what came. Pure. Never repeats a text unless asked to: it may be a password. */
import type * as z from 'zod';

type Issue = z.core.$ZodIssue;

/** One sentence without a full stop, e.g. `expected a whole number; got "long"`.
 *  @param root what was parsed  @param showsText short texts may be repeated */
export function issueText(issue: Issue, root: unknown, showsText = false): string {
  const given = valueAt(root, issue.path);
  if (issue.code === 'unrecognized_keys')
    return `unknown ${issue.keys.length === 1 ? 'key' : 'keys'} ${issue.keys.map((key) => `"${key.slice(0, 60)}"`).join(', ')}; remove or rename`;
  if (issue.code === 'custom') return issue.message;
  const isSecret = /pass|secret|token|credential|authorization/i.test(String(issue.path.at(-1) ?? ''));
  const got = `got ${show(given, showsText && !isSecret)}`;
  if (!isStandard(issue.message)) return `${issue.message}; ${got}`;
  return `expected ${expectation(issue)}; ${got}`;
}

/** zod's own words, as opposed to a schema's. */
function isStandard(message: string): boolean {
  return /^(Invalid|Too (big|small)|Unrecognized)/.test(message);
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  null: 'null',
  undefined: 'nothing',
  nan: 'a number',
};

const ANY_JSON = ['a text', 'a number', 'true or false', 'null', 'an array', 'an object'];

const FORMATS: Readonly<Record<string, string>> = {
  url: 'a URL such as https://host/path',
  email: 'an e-mail address',
  datetime: 'a moment such as 2026-01-31T12:00:00Z',
  date: 'a day such as 2026-01-31',
  uuid: 'a UUID',
};

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return KINDS[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return anyOf(issue.values.map((value) => (typeof value === 'string' ? `"${value}"` : String(value))));
    case 'too_big':
      return size(issue.origin, issue.exact === true ? 'exactly' : issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    case 'too_small':
      return size(issue.origin, issue.exact === true ? 'exactly' : issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'invalid_format':
      return (
        FORMATS[issue.format] ?? ('pattern' in issue && issue.pattern !== undefined ? `a text like ${issue.pattern}` : `a text in the form "${issue.format}"`)
      );
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    case 'invalid_union':
      return union(issue);
    case 'invalid_key':
      return `other keys: ${issue.issues.map((inner) => (isStandard(inner.message) ? expectation(inner) : inner.message)).join(', ')}`;
    default:
      return 'another value';
  }
}

function size(origin: string, how: string, limit: number | bigint): string {
  if (origin === 'string') return `a text of ${how} ${limit} ${limit === 1 ? 'character' : 'characters'}`;
  if (origin === 'array' || origin === 'set') return `${how} ${limit} ${limit === 1 ? 'item' : 'items'}`;
  if (origin === 'object' || origin === 'map') return `${how} ${limit} ${limit === 1 ? 'key' : 'keys'}`;
  return `${origin === 'int' ? 'a whole number of' : 'a number of'} ${how} ${limit}`;
}

/** What each branch asks for where it stands itself; a branch that fails deeper has the right kind already. */
function union(issue: Extract<Issue, { code: 'invalid_union' }>): string {
  if (typeof issue.discriminator === 'string') return `a known "${issue.discriminator}"`;
  const own = issue.errors.flatMap((branch) =>
    branch.filter((inner) => inner.path.length === 0).map((inner) => (isStandard(inner.message) ? expectation(inner) : inner.message)),
  );
  const kinds = [...new Set(own)];
  // JSON of any kind: to name all of them says nothing.
  return kinds.length === 0 || ANY_JSON.every((kind) => kinds.includes(kind)) ? 'JSON' : anyOf(kinds);
}

const MAX_NAMED = 20;

function anyOf(names: readonly string[]): string {
  const named = names.length > MAX_NAMED ? [...names.slice(0, MAX_NAMED), '…'] : names;
  return named.length < 2 ? (named[0] ?? 'nothing') : `${named.slice(0, -1).join(', ')} or ${named.at(-1)}`;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (typeof value === 'object' && value !== null && Object.hasOwn(value, part) ? (value as Record<PropertyKey, unknown>)[part] : undefined),
    root,
  );
}

const MAX_SHOWN_CHARS = 60;

function show(value: unknown, showsText: boolean): string {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string')
    return showsText && value.length <= MAX_SHOWN_CHARS
      ? JSON.stringify(value)
      : `a text of ${value.length} ${value.length === 1 ? 'character' : 'characters'}`;
  return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
}
