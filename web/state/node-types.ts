/** The catalogue of node types. Apart from workflows.ts, so that it can be asked for before any page is there. */
import { call } from '../api.ts';
import type { NodeTypeView } from '../../src/contract/node-types.ts';

let catalogue: Promise<ReadonlyMap<string, NodeTypeView>> | undefined;

/** Every node type, by name: read once a page, since it changes only with Studio itself. */
export async function nodeTypes(): Promise<ReadonlyMap<string, NodeTypeView>> {
  catalogue ??= call('GET /api/v1/node-types', { query: { limit: 200 } }).then(
    (page) => new Map(page.items.map((type) => [type.type, type])),
    (error: unknown) => {
      catalogue = undefined;
      throw error;
    },
  );
  return await catalogue;
}
