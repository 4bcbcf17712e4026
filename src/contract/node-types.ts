/** The catalogue of node types: what forms, completion and the reference derive from. */
import * as z from 'zod';
import { endpoint, page, pageQuery } from './endpoint.ts';

/** How a form shows a param: `x-form` in its JSON Schema, which alone tells what may stand there. */
export interface FormHint {
  /** `code`: kept as it stands, never a template. `expression`: one with or without braces. `hidden`: edited elsewhere (a body). */
  readonly control?: 'code' | 'long' | 'expression' | 'secret' | 'credential' | 'model' | 'file' | 'workflow' | 'schema' | 'hidden';
  /** Of `code`. */
  readonly language?: 'javascript' | 'python' | 'shell';
  /** What an `expression` may read beside the usual names. */
  readonly names?: readonly string[];
  /** Kept as it stands: its {{ }} is text. */
  readonly raw?: true;
  /** Folded away until it is used. */
  readonly rare?: true;
}

export const port = z.strictObject({
  name: z.string(),
  title: z.string(),
  kind: z.enum(['any', 'json', 'text', 'number', 'image', 'video', 'audio', 'model', 'tensor', 'file']),
});
export type Port = z.infer<typeof port>;

export const nodeType = z.strictObject({
  type: z.string(),
  version: z.int(),
  title: z.string(),
  summary: z.string(),
  category: z.enum(['flow', 'data', 'network', 'files', 'code', 'machine']),
  runs: z.enum(['inline', 'job', 'body']),
  /** Same input, same output, no effects: may run again at any time. */
  pure: z.boolean(),
  queue: z.string().nullable(),
  inputs: z.array(port),
  outputs: z.array(port),
  /** Outputs that depend on params (branch.switch). */
  dynamicOutputs: z.boolean(),
  /** The role that may publish a workflow with this type. */
  requires: z.enum(['user', 'admin', 'super_admin']),
  /** JSON Schema (2020-12) of params; any string may be an expression. `x-form` says how a form shows one (FormHint). */
  params: z.record(z.string(), z.unknown()),
  docs: z.string(),
  example: z.record(z.string(), z.unknown()),
});
export type NodeTypeView = z.infer<typeof nodeType>;

export const nodeTypeEndpoints = [
  endpoint({
    key: 'GET /api/v1/node-types',
    tag: 'workflows',
    summary: 'Every node type with its form, ports and docs',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(nodeType),
  }),
] as const;
