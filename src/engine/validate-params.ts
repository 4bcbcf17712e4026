/** Params against their type's schema, with expressions allowed anywhere in strings: what an expression will give is not known yet, so a
 *  fault that lies on one is left to the run. Pure. */
import type * as z from 'zod';
import type { Json } from '../contract/endpoint.ts';
import type { GraphNode, Problem } from '../contract/graph.ts';
import { issueText } from '../kernel/issue-text.ts';
import type { NodeType } from '../nodes/kit.ts';
import { compileTemplate, type TemplateFault } from './template.ts';
import { pathText } from './path-text.ts';

export function paramProblems(node: GraphNode, path: string, type: NodeType): readonly Problem[] {
  const params = node.params ?? {};
  const faults: TemplateFault[] = [];
  const kept = [...(type.rawParams ?? []), ...(type.bodyParams ?? [])];
  compileTemplate(params, faults, { path: `${path}.params`, raw: kept, expressions: type.expressionParams });
  const problems: Problem[] = faults.map((fault) => ({ node: node.key, path: fault.path, code: fault.error.code, message: fault.error.message }));
  const raw = new Set(type.rawParams);
  const parsed = type.params.safeParse(params);
  if (parsed.success) return problems;
  for (const issue of parsed.error.issues) {
    if (liesOnExpression(issue, params, raw) || liesInBody(issue, params, type)) continue;
    const at = pathText(['params', ...issue.path]);
    problems.push({
      node: node.key,
      path: `${path}.${at}`,
      code: 'bad_params',
      message: `${at} of "${node.key}" (${node.type}): ${issueText(issue, params, true)}`,
    });
  }
  return problems;
}

/** A body that is there is judged as a graph, in its own words. */
function liesInBody(issue: z.core.$ZodIssue, params: Record<string, Json>, type: NodeType): boolean {
  const name = String(issue.path[0] ?? '');
  return type.bodyParams?.includes(name) === true && params[name] !== undefined;
}

function liesOnExpression(issue: z.core.$ZodIssue, params: Record<string, Json>, raw: ReadonlySet<string>): boolean {
  if (issue.code === 'unrecognized_keys' || raw.has(String(issue.path[0]))) return false;
  let value: Json | undefined = params;
  for (const part of issue.path) {
    if (isExpression(value)) return true;
    value = typeof value === 'object' && value !== null ? (value as Record<string, Json>)[String(part)] : undefined;
  }
  // A rule over several fields speaks of which are there, not of what they will give.
  return issue.code === 'custom' ? isExpression(value) : holdsExpression(value);
}

function isExpression(value: Json | undefined): boolean {
  return typeof value === 'string' && value.includes('{{');
}

function holdsExpression(value: Json | undefined): boolean {
  if (typeof value !== 'object' || value === null) return isExpression(value);
  return Object.values(value).some(holdsExpression);
}
