/** The ends of edges as text: `draw`, or `draw.true` with a port. Pure; apart from layout.ts, so that who reads edges need not load dagre. */

export interface EdgeEnd {
  readonly key: string;
  readonly port: string | undefined;
}

export function endOf(end: string): EdgeEnd {
  const dot = end.indexOf('.');
  return dot === -1 ? { key: end, port: undefined } : { key: end.slice(0, dot), port: end.slice(dot + 1) };
}
