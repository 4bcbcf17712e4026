/** The JSON of a model's answer: found in what it says, and judged by a schema. */
import type { Json } from '../../contract/endpoint.ts';
import type { NodeContext } from '../kit.ts';

export type Found = { readonly kind: 'fits'; readonly value: Json } | { readonly kind: 'faulty'; readonly why: string };

/** Faults that a model is told of at once. */
const MAX_FAULTS = 10;

export async function answerIn(text: string, schema: Readonly<Record<string, Json>>, context: Pick<NodeContext, 'faultsOf'>): Promise<Found> {
  const value = jsonIn(text);
  if (value === undefined) return { kind: 'faulty', why: 'it is not JSON' };
  const faults = await context.faultsOf(schema, value.json);
  if (faults.length === 0) return { kind: 'fits', value: value.json };
  const told = faults.slice(0, MAX_FAULTS).map(({ path, message }) => `${path}: ${message}`);
  return { kind: 'faulty', why: told.join('; ') };
}

/** The whole text, what stands in its code fence, or from its first bracket to its last: models like to say something around it. */
function jsonIn(text: string): { readonly json: Json } | undefined {
  const fence = /```(?:json)?\s*\n([\s\S]*?)\n?```/i.exec(text)?.[1];
  const from = text.search(/[{[]/);
  const to = Math.max(text.lastIndexOf('}'), text.lastIndexOf(']'));
  for (const candidate of [text, fence, from >= 0 && to > from ? text.slice(from, to + 1) : undefined]) {
    if (candidate === undefined) continue;
    try {
      return { json: JSON.parse(candidate) as Json };
    } catch {
      // Not this one: the next may be.
    }
  }
  return undefined;
}
