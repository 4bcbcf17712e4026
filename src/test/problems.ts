/** What is wrong with a definition, as tests of validation compare it: `code path`, in the order in which it is told. Pure: neither engine nor database. */
import type { Definition } from '../contract/graph.ts';
import { validate } from '../engine/validate.ts';
import { nodeTypes } from '../nodes/index.ts';
import type { NodeTypes } from '../nodes/kit.ts';

interface Asked {
  readonly role?: 'user' | 'super_admin' | undefined;
  /** Default: the product's. */
  readonly types?: NodeTypes;
}

/** Whatever a definition leaves out is empty. */
export function problemsIn(definition: Partial<Definition>, { role = 'super_admin', types = nodeTypes }: Asked = {}): ReturnType<typeof validate> {
  return validate({ nodes: [], edges: [], ...definition }, { types, role });
}

export function problemCodes(definition: Partial<Definition>, asked: Asked = {}): string[] {
  return problemsIn(definition, asked).map(({ code, path }) => `${code} ${path}`);
}
