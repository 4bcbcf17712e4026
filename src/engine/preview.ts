/** Expressions tried against sample data while somebody writes them. In a child of its own, so that typing never holds up a run.
 *  Never reads a secret: each stands as a mask. Never throws for what was typed: that is the answer. */
import type { Json } from '../contract/endpoint.ts';
import type { ExpressionPreview } from '../contract/expressions.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import { NodeError } from '../nodes/kit.ts';
import { createEvaluator } from './evaluator.ts';
import { nameFaults, type NameRules } from './expression-names.ts';
import { resolve, type ExpressionScope } from './resolve.ts';
import { compileTemplate, expressionsOf, type Template, type TemplateFault } from './template.ts';

export interface PreviewRequest {
  /** A param as a node holds it. */
  readonly template: Json;
  /** A text without braces is an expression. */
  readonly bare: boolean;
  readonly scope: Readonly<Record<string, Json>>;
}

export interface Previewer {
  preview(request: PreviewRequest): Promise<ExpressionPreview>;
  stop(): Promise<void>;
}

/** What a person reads of a value; the rest is theirs to open elsewhere. */
const SHOWN_BYTES = 64 * 1024;
const MASK = '••••';
const BLANK = { input: {}, steps: {}, instance: {}, workflow: {} } as const;
const ROOTS = ['input', 'steps', 'instance', 'workflow', 'secrets', 'item', 'index', 'parent', 'previous'];

export function createPreviewer(parts: { readonly clock: Clock; readonly log: Logger }): Previewer {
  const evaluator = createEvaluator(parts);
  return {
    async preview({ template, bare, scope }) {
      const faults: TemplateFault[] = [];
      const compiled = compileTemplate({ value: template }, faults, { expressions: bare ? ['value'] : [] });
      const problems = [
        ...faults.map(({ path, error }) => ({ path: placeOf(path), code: error.code, message: error.message })),
        ...unknownNames(compiled, scope),
      ];
      if (problems.length > 0) return { ...viewOf(null), problems };
      try {
        const whole = { ...BLANK, ...scope } as unknown as ExpressionScope;
        const { live } = await resolve(compiled, whole, { evaluator, readSecret: () => Promise.resolve(MASK) });
        return { ...viewOf((live as { readonly value: Json }).value), problems: [] };
      } catch (error) {
        if (!(error instanceof NodeError)) throw error;
        return { ...viewOf(null), problems: [{ path: '', code: error.code, message: error.message }] };
      }
    },
    stop: () => evaluator.stop(),
  };
}

function unknownNames(compiled: Template, scope: PreviewRequest['scope']): ExpressionPreview['problems'] {
  const rules: NameRules = { roots: [...new Set([...ROOTS, ...Object.keys(scope)])], elsewhere: { labels: 'is no name of its own; read instance.labels' } };
  return expressionsOf(compiled).flatMap(({ path, expression }) =>
    nameFaults(expression.ast, expression.source, rules).map(({ code, message }) => ({ path: placeOf(path), code, message })),
  );
}

/** Within the template: the wrapper around it is ours. */
function placeOf(path: string): string {
  return path.replace(/^\.value\.?/, '');
}

function viewOf(value: Json): Omit<ExpressionPreview, 'problems'> {
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  const isCut = bytes > SHOWN_BYTES;
  return { value: isCut ? text.slice(0, SHOWN_BYTES) : value, type: typeOf(value), bytes, isCut };
}

function typeOf(value: Json): ExpressionPreview['type'] {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'list';
  return typeof value === 'string' ? 'text' : (typeof value as 'number' | 'boolean' | 'object');
}
