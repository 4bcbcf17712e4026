/** map: runs a graph once for each item of an array, several at once, and gathers the results in the order of the items. */
import * as z from 'zod';
import { graphBody, retryPolicy } from '../../contract/graph.ts';
import { asField, defineBodyNode, inPort, NodeError, outPort } from '../kit.ts';

/** CONTRACTS, Limits. */
const MAX_ITEMS = 100_000;
const MAX_CONCURRENCY = 1_000;

export const map = defineBodyNode({
  type: 'map',
  version: 1,
  title: 'Map',
  summary: 'Runs a graph once for each item of an array, several at once, and gathers the results in order.',
  category: 'flow',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({
    items: z.json().describe('An array, as a rule an expression: {{ steps.list.output.files }}'),
    concurrency: z.int().min(1).max(MAX_CONCURRENCY).default(16).describe('Items at once'),
    onItemError: z
      .enum(['fail', 'continue', 'collect'])
      .default('fail')
      .describe('fail: the first failed item fails the map. continue: its place stays null. collect: the same, and errors tells why'),
    itemRetry: retryPolicy
      .partial()
      .optional()
      .describe('Tries a failed item again, from its beginning')
      .meta(asField({ rare: true })),
    body: graphBody.meta(asField({ control: 'hidden' })),
  }),
  bodyParams: ['body'],
  example: {
    items: '{{ input.names }}',
    body: { nodes: [{ key: 'greet', type: 'template', params: { text: 'Hello {{ item }}, you are number {{ index }}' } }], edges: [] },
  },
  docs: `\`body\` is a graph of its own, \`{ nodes, edges }\`. Inside it expressions see \`item\` and \`index\` (from 0), the steps of the same item, and the steps around the map that come before it; \`parent.item\` and \`parent.index\` reach the map around this one. Keys are unique in the whole workflow.

Output: \`{ items, failed }\`: \`items\` holds the body's output of each item, in the order of the items (of its nodes without successors: one, its value; several, by key), null where an item failed; \`failed\` counts those; with \`collect\`, \`errors\` names up to 1,000 of them: \`[{ index, code, message }]\`.

Each item has a step of its own, \`map[3]\`, and its steps are \`map[3]/greet\`. A failed map that is retried goes on with what it has: items that ended well are not run again. One item can be run again by retrying \`map[3]\`. A \`fail\` inside fails its item, a \`stop\` ends the instance.

Items are kept in the database and read as they are needed, so memory does not grow with their number. Limits: ${MAX_ITEMS} items, 1,000,000 steps an instance, ${MAX_CONCURRENCY} items at once.

Errors: \`not_an_array\`, \`too_many_items\`, \`too_many_steps\` (all final), \`item_failed\` with the item's index and code in its details.`,
  runs: 'body',
  toBody(params) {
    const { items, concurrency, onItemError } = params;
    if (!Array.isArray(items)) {
      const what = items === null ? 'null' : typeof items;
      throw new NodeError('not_an_array', `items is ${what}, a map needs an array; wrap a single value in [ ]`, { final: true });
    }
    if (items.length > MAX_ITEMS)
      throw new NodeError(
        'too_many_items',
        `items has ${items.length} entries, the limit is ${MAX_ITEMS}; map over batches, or call a workflow for each part`,
        {
          final: true,
        },
      );
    return { kind: 'map', items, concurrency, onItemError, itemRetry: retryPolicy.parse(params.itemRetry ?? {}) };
  },
});
