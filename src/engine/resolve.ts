/** Evaluates a template over a scope, once, into two values: what the step runs with, and what may be stored (secrets unevaluated).
 *  Evaluated data is never scanned again, so a `{{ secrets.X }}` that comes from outside stays text. */
import type { Json } from '../contract/endpoint.ts';
import { NodeError } from '../nodes/kit.ts';
import { evaluateSecretForm } from './expression-secrets.ts';
import { jsonText } from './expression-text.ts';
import type { Expression } from './expression.ts';
import type { Template } from './template.ts';

/** The names an expression may use. */
export interface ExpressionScope {
  readonly input: Json;
  /** Of ended steps; `error` where a failure was let through. */
  readonly steps: Readonly<Record<string, { readonly output: Json; readonly error?: Json }>>;
  readonly instance: Json;
  readonly workflow: Json;
  readonly item?: Json;
  readonly index?: number;
  /** The item around: `parent.item`, `parent.index`. */
  readonly parent?: Json;
  /** In a loop: what the round before gave. */
  readonly previous?: Json;
}

/** Evaluates what is not plain. */
export interface Evaluator {
  evaluate(expression: Expression, scope: ExpressionScope): Promise<Json>;
}

export interface Resolved {
  /** With secrets: never stored, logged or sent anywhere but to the node. */
  readonly live: Json;
  /** With `{{ secrets.X }}` as written. The same object as `live` when no secret is used. */
  readonly stored: Json;
  /** Every string made from a secret. */
  readonly made: readonly string[];
}

export interface ResolveWith {
  readonly evaluator: Evaluator;
  /** Reads secrets before anything is evaluated. Undefined: not set. */
  readonly readSecret: (name: string) => Promise<string | undefined>;
}

/** The value of one expression: at once when it is plain. @throws NodeError expression_failed */
export function evaluate(expression: Expression, scope: ExpressionScope, evaluator: Evaluator): Json | Promise<Json> {
  if (expression.plain !== undefined) return toJson(expression.plain(scope));
  return evaluator.evaluate(expression, scope);
}

/** A missing value is null. */
function toJson(value: unknown): Json {
  return value === undefined ? null : (value as Json);
}

/** Resolves `template`; synchronous when every expression is plain and no secret is used, so that the common step costs no turn of the loop. */
export function resolve(template: Template, scope: ExpressionScope, options: ResolveWith): Resolved | Promise<Resolved> {
  if (template.kind === 'constant') return { live: template.value, stored: template.value, made: [] };
  if (isPlain(template)) {
    const value = resolvePlain(template, scope);
    return { live: value, stored: value, made: [] };
  }
  return resolveFully(template, scope, options);
}

function isPlain(template: Template): boolean {
  switch (template.kind) {
    case 'constant':
      return true;
    case 'value':
      return template.expression.plain !== undefined;
    case 'text':
      return template.parts.every((part) => typeof part === 'string' || part.plain !== undefined);
    case 'array':
      return template.items.every(isPlain);
    case 'object':
      return template.entries.every(([, child]) => isPlain(child));
  }
}

function resolvePlain(template: Template, scope: ExpressionScope): Json {
  switch (template.kind) {
    case 'constant':
      return template.value;
    case 'value':
      return toJson(template.expression.plain?.(scope));
    case 'text':
      return template.parts.map((part) => (typeof part === 'string' ? part : jsonText(part.plain?.(scope)))).join('');
    case 'array':
      return template.items.map((item) => resolvePlain(item, scope));
    case 'object':
      return objectOf(template.entries.map(([key, child]) => [key, resolvePlain(child, scope)]));
  }
}

/** `__proto__` as a key must become data, not a prototype. */
function objectOf(entries: readonly (readonly [string, Json])[]): Json {
  const object: Record<string, Json> = {};
  for (const [key, value] of entries) {
    if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
    else object[key] = value;
  }
  return object;
}

async function resolveFully(template: Template, scope: ExpressionScope, options: ResolveWith): Promise<Resolved> {
  const secrets = new Map<string, string>();
  const made = new Set<string>();
  for (const name of secretNames(template)) {
    const value = await options.readSecret(name);
    if (value === undefined)
      throw new NodeError(
        'secret_missing',
        `the secret "${name}" is not set in this organisation; set it under Settings, Secrets, or with PUT /api/v1/secrets/${name}`,
        { final: true },
      );
    secrets.set(name, value);
    made.add(value);
  }
  const readSecret = (name: string): string => secrets.get(name) ?? '';
  const { live, stored } = await walkTemplate(template);
  return { live, stored, made: [...made] };

  async function walkTemplate(part: Template): Promise<{ live: Json; stored: Json }> {
    switch (part.kind) {
      case 'constant':
        return { live: part.value, stored: part.value };
      case 'value':
        return interpolate(part.expression);
      case 'text': {
        const pieces: { live: Json; stored: Json }[] = [];
        // Serial: expressions share one child, and the order of failures must not depend on timing.
        for (const piece of part.parts) pieces.push(typeof piece === 'string' ? { live: piece, stored: piece } : await interpolate(piece));
        const joined = { live: pieces.map((piece) => jsonText(piece.live)).join(''), stored: pieces.map((piece) => jsonText(piece.stored)).join('') };
        if (part.parts.some((piece) => typeof piece !== 'string' && piece.hasSecrets)) made.add(joined.live);
        return joined;
      }
      case 'array': {
        const items: { live: Json; stored: Json }[] = [];
        for (const item of part.items) items.push(await walkTemplate(item));
        return { live: items.map((item) => item.live), stored: items.map((item) => item.stored) };
      }
      case 'object': {
        const entries: (readonly [string, { live: Json; stored: Json }])[] = [];
        for (const [key, child] of part.entries) entries.push([key, await walkTemplate(child)]);
        return { live: objectOf(entries.map(([key, child]) => [key, child.live])), stored: objectOf(entries.map(([key, child]) => [key, child.stored])) };
      }
    }
  }

  async function interpolate(expression: Expression): Promise<{ live: Json; stored: Json }> {
    if (!expression.hasSecrets) {
      const value = await evaluate(expression, scope, options.evaluator);
      return { live: value, stored: value };
    }
    const live = evaluateSecretForm(expression.ast, scope, readSecret);
    made.add(live);
    return { live, stored: `{{ ${expression.source} }}` };
  }
}

function secretNames(template: Template): ReadonlySet<string> {
  switch (template.kind) {
    case 'constant':
      return new Set();
    case 'value':
      return template.expression.reads.secrets;
    case 'text':
      return new Set(template.parts.flatMap((part) => (typeof part === 'string' ? [] : [...part.reads.secrets])));
    case 'array':
      return new Set(template.items.flatMap((item) => [...secretNames(item)]));
    case 'object':
      return new Set(template.entries.flatMap(([, child]) => [...secretNames(child)]));
  }
}
