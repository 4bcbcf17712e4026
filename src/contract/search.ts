/** Search over what an org has: what the command palette asks as somebody types. Small and bounded: it finds things to open, it is no list. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';

export const searchKinds = ['workflow', 'instance', 'job', 'model', 'file'] as const;

const hit = z.strictObject({
  kind: z.enum(searchKinds),
  /** Of a file: its path. */
  id: z.string(),
  title: z.string(),
  /** Where the words stood: `name`, `description`, `tag`, `node`, `id`, `workflow`, `label`, `error`, `path`. */
  matched: z.string(),
  /** What stood there, where the title does not say it: the node, the tag, the label, the error. */
  detail: z.string().optional(),
  /** Of an instance or a job. */
  status: z.string().optional(),
  /** Last changed, or made. */
  at: timestamp,
});
export type SearchHit = z.infer<typeof hit>;

export const searchEndpoints = [
  endpoint({
    key: 'GET /api/v1/search',
    tag: 'search',
    summary: 'Find workflows, instances, jobs, models and files by what people remember of them',
    description:
      'Workflows by name, description, tag, and the names, keys and types of their nodes; instances by the beginning of their id, the name of their workflow, a label as key:value, and the error of recent ones; jobs by the beginning of their id, name or key:value; models by name; files by path. Best first within a kind; `kinds` in the order asked for. Archived workflows and test runs are left out.',
    query: z.strictObject({
      q: z.string().trim().min(1).max(200),
      /** `workflow,file`; default: all. */
      kinds: z.string().max(100).optional(),
      /** Of each kind. */
      limit: z.coerce.number().int().min(1).max(20).default(6),
    }),
    status: 200,
    reply: z.strictObject({ items: z.array(hit) }),
    errors: ['invalid_query'],
  }),
] as const;
