/** Calls of tools, put together from the deltas of a stream. Pure. */
import type { Json } from '../contract/endpoint.ts';

export interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

/** Deltas in order, as engines give them: `[{ index, id?, function: { name?, arguments? } }]` each. */
export function joinToolCalls(deltas: readonly Json[]): ToolCall[] {
  const calls = new Map<number, { id: string; name: string; text: string }>();
  for (const delta of deltas.flat() as readonly Json[]) {
    if (typeof delta !== 'object' || delta === null || Array.isArray(delta)) continue;
    const index = typeof delta['index'] === 'number' ? delta['index'] : 0;
    const call = calls.get(index) ?? { id: '', name: '', text: '' };
    calls.set(index, call);
    const named = delta['function'];
    const { name, arguments: text } = (typeof named === 'object' && named !== null ? named : {}) as { name?: Json; arguments?: Json };
    if (typeof delta['id'] === 'string') call.id = delta['id'];
    if (typeof name === 'string') call.name += name;
    if (typeof text === 'string') call.text += text;
  }
  return [...calls.entries()]
    .toSorted(([a], [b]) => a - b)
    .map(([index, { id, name, text }]) => ({
      id: id === '' ? `call_${index}` : id,
      type: 'function',
      function: { name, arguments: text === '' ? '{}' : text },
    }));
}
