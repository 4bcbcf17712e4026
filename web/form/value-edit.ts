/** Changes to parts of a JSON value, as a form makes them: nothing but the part changes, order and unknown names stay. Pure. */

type Record_ = Readonly<Record<string, unknown>>;

export function asRecord(value: unknown): Record_ {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record_) : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Sets a member; undefined takes it away. */
export function withMember(value: unknown, name: string, member: unknown): Record<string, unknown> {
  const { [name]: _old, ...rest } = asRecord(value);
  if (member === undefined) return rest;
  return Object.hasOwn(asRecord(value), name) ? { ...asRecord(value), [name]: member } : { ...rest, [name]: member };
}

/** Gives a member another name, at the same place. The name must be free. */
export function renameMember(value: unknown, from: string, to: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(asRecord(value)).map(([name, member]) => [name === from ? to : name, member]));
}

/** A name that is not taken: `name`, `name2`, … */
export function freeName(value: unknown, base: string): string {
  const taken = asRecord(value);
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? base : `${base}${n}`;
    if (!Object.hasOwn(taken, name)) return name;
  }
}

export function withItem(value: unknown, index: number, item: unknown): unknown[] {
  return asList(value).map((each, at) => (at === index ? item : each));
}

export function withoutItem(value: unknown, index: number): unknown[] {
  return asList(value).filter((_each, at) => at !== index);
}

/** Moves an item by one place; at the ends nothing changes. */
export function moveItem(value: unknown, index: number, by: 1 | -1): unknown[] {
  const list = [...asList(value)];
  const other = index + by;
  if (other < 0 || other >= list.length) return list;
  [list[index], list[other]] = [list[other], list[index]];
  return list;
}

/** Whether a text is an expression, or holds one. */
export function holdsExpression(value: unknown): value is string {
  return typeof value === 'string' && value.includes('{{');
}

/** A fixed value as the expression that gives it: where an expression begins when one switches to it. */
export function toExpression(value: unknown): string {
  if (value === undefined || value === null || value === '') return '{{  }}';
  if (typeof value === 'string') return value;
  return `{{ ${JSON.stringify(value)} }}`;
}

/** An expression as the fixed value it stands for, when it is a literal; undefined otherwise. */
export function toFixed(text: string): unknown {
  const inner = /^\s*\{\{([\s\S]*)\}\}\s*$/.exec(text)?.[1]?.trim() ?? '';
  if (inner === '') return undefined;
  try {
    return JSON.parse(inner) as unknown;
  } catch {
    return undefined;
  }
}

/** `cases[0].when`, as the server names places. */
export function childPath(path: string, part: string | number): string {
  if (typeof part === 'number') return `${path}[${part}]`;
  return path === '' ? part : `${path}.${part}`;
}
