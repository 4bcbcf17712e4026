/** Faults of shape: what is not even a graph, field by field. Pure. */
import type * as z from 'zod';
import type { Json } from '../contract/endpoint.ts';
import type { Problem } from '../contract/graph.ts';
import { issueText } from '../kernel/issue-text.ts';
import { pathText } from './path-text.ts';

/** @param at where `value` stands, and the node that holds it */
export function shapeProblems(
  issues: readonly z.core.$ZodIssue[],
  value: Json,
  at: { readonly path: string; readonly node?: string } = { path: '' },
): readonly Problem[] {
  return issues.map((issue) => {
    const node = nodeKeyAt(value, issue.path) ?? at.node;
    const path = [at.path, pathText(issue.path)].filter((part) => part !== '').join('.');
    const field = pathText(issue.path.slice(issue.path[0] === 'nodes' || issue.path[0] === 'edges' ? 2 : 0));
    const isEmptyBody = at.node !== undefined && issue.code === 'too_small' && issue.path.length === 1 && issue.path[0] === 'nodes';
    const message = isEmptyBody
      ? `there is no node inside "${at.node}" yet; open it and add one`
      : `${field === '' ? '' : `${field}: `}${issueText(issue, value, true)}`;
    return { ...(node === undefined ? {} : { node }), path, code: 'bad_shape', message };
  });
}

function nodeKeyAt(value: Json, path: readonly PropertyKey[]): string | undefined {
  if (path[0] !== 'nodes' || typeof path[1] !== 'number') return undefined;
  const nodes = typeof value === 'object' && value !== null && !Array.isArray(value) ? value['nodes'] : undefined;
  const node = Array.isArray(nodes) ? nodes[path[1]] : undefined;
  return typeof node === 'object' && node !== null && !Array.isArray(node) && typeof node['key'] === 'string' ? node['key'] : undefined;
}
