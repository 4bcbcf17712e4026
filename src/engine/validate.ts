/** Judges a definition: one Problem per fault, each with where it stands and what to do. Pure. Publishing refuses any problem; a draft shows them. */
import type * as z from 'zod';
import type { Json } from '../contract/endpoint.ts';
import { definition as definitionShape, MAX_NODES, type Definition, type GraphNode, type Problem } from '../contract/graph.ts';
import { roles, type Role } from '../contract/values.ts';
import type { NodeType, NodeTypes } from '../nodes/kit.ts';
import { dataFlowProblems } from './validate-flow.ts';
import { paramProblems } from './validate-params.ts';
import { inputSchemaFault } from './input-schema.ts';
import { pathText } from './path-text.ts';
import { carriesToken, ERROR_PORT, portsOf, splitEnd } from './graph.ts';

export interface ValidateOptions {
  readonly types: NodeTypes;
  /** The role of who publishes. */
  readonly role: Role;
}

/** Judges what may not even have the shape of a definition. */
export function checkDefinition(value: Json, options: ValidateOptions): readonly Problem[] {
  const parsed = definitionShape.safeParse(value);
  return parsed.success ? validate(parsed.data, options) : parsed.error.issues.map((issue) => shapeProblem(issue, value));
}

/** @returns every fault; empty when it can be published by that role */
export function validate(definition: Definition, options: ValidateOptions): readonly Problem[] {
  const problems: Problem[] = [];
  if (definition.nodes.length === 0) problems.push({ path: 'nodes', code: 'no_nodes', message: 'a workflow needs at least one node' });
  if (definition.nodes.length > MAX_NODES)
    problems.push({
      path: 'nodes',
      code: 'too_many_nodes',
      message: `the workflow has ${definition.nodes.length} nodes, the limit is ${MAX_NODES}; move a part into a workflow of its own`,
    });
  problems.push(...duplicateKeys(definition));
  definition.nodes.forEach((node, index) => problems.push(...nodeProblems(node, `nodes[${index}]`, options)));
  const edgeFaults = edgeProblems(definition, options.types);
  problems.push(...edgeFaults, ...duplicateEdges(definition), ...fanInProblems(definition), ...unheardErrors(definition));
  const cycles = cycleProblems(definition);
  problems.push(...cycles);
  // What can have run before is only defined without cycles.
  problems.push(...dataFlowProblems(definition, options.types, cycles.length === 0));
  problems.push(...schemaProblems(definition));
  return problems;
}

function shapeProblem(issue: z.core.$ZodIssue, value: Json): Problem {
  const path = pathText(issue.path);
  const nodes = typeof value === 'object' && value !== null && !Array.isArray(value) && Array.isArray(value['nodes']) ? value['nodes'] : [];
  const node = issue.path[0] === 'nodes' && typeof issue.path[1] === 'number' ? nodes[issue.path[1]] : undefined;
  const key = typeof node === 'object' && node !== null && !Array.isArray(node) && typeof node['key'] === 'string' ? node['key'] : undefined;
  const code = issue.code === 'too_big' && issue.path.length === 1 && issue.path[0] === 'nodes' ? 'too_many_nodes' : 'bad_shape';
  return { ...(key === undefined ? {} : { node: key }), path, code, message: issue.message };
}

function duplicateKeys(definition: Definition): readonly Problem[] {
  const first = new Map<string, number>();
  return definition.nodes.flatMap((node, index) => {
    const before = first.get(node.key);
    if (before === undefined) {
      first.set(node.key, index);
      return [];
    }
    return [
      {
        node: node.key,
        path: `nodes[${index}].key`,
        code: 'duplicate_key',
        message: `the key "${node.key}" is already used by nodes[${before}]; keys are unique in a workflow`,
      },
    ];
  });
}

function nodeProblems(node: GraphNode, path: string, options: ValidateOptions): readonly Problem[] {
  const type = options.types.get(node.type);
  if (type === undefined) {
    return [
      {
        node: node.key,
        path: `${path}.type`,
        code: 'unknown_type',
        message: `there is no node type "${node.type}"${suggestion(node.type, options.types)}; GET /api/v1/node-types lists them`,
      },
    ];
  }
  const problems: Problem[] = [];
  if (node.typeVersion !== undefined && node.typeVersion !== type.version) {
    problems.push({
      node: node.key,
      path: `${path}.typeVersion`,
      code: 'unknown_type_version',
      message: `version ${node.typeVersion} of "${node.type}" is not there; the newest is ${type.version}`,
    });
  }
  problems.push(...policyProblems(node, path, type, options.role), ...paramProblems(node, path, type));
  for (const fault of type.check?.(node) ?? []) problems.push({ node: node.key, path: `${path}.${fault.path}`, code: fault.code, message: fault.message });
  return problems;
}

function policyProblems(node: GraphNode, path: string, type: NodeType, role: Role): readonly Problem[] {
  const problems: Problem[] = [];
  const needed = type.requires ?? 'user';
  if (roles.indexOf(role) < roles.indexOf(needed)) {
    problems.push({
      node: node.key,
      path: `${path}.type`,
      code: FORBIDDEN_TYPE,
      message: `only a ${needed} can publish a workflow with "${node.type}"; you are ${role}`,
    });
  }
  if (type.runs === 'inline') {
    for (const name of ['queue', 'resources'] as const) {
      if (node[name] !== undefined)
        problems.push({
          node: node.key,
          path: `${path}.${name}`,
          code: 'not_a_job',
          message: `"${node.type}" runs inside Studio, not on a queue: remove "${name}"`,
        });
    }
  }
  return problems;
}

/** The code of a problem that is about rights, not about the graph. */
export const FORBIDDEN_TYPE = 'forbidden_type';

/** The type that is one small slip away. */
function suggestion(type: string, types: NodeTypes): string {
  const plain = (text: string): string => text.toLowerCase().replace(/[^a-z]/g, '');
  const near = [...types.keys()].find((name) => plain(name) === plain(type) || plain(name).endsWith(plain(type)) || plain(name).startsWith(plain(type)));
  return near === undefined || plain(type) === '' ? '' : `; did you mean "${near}"?`;
}

function edgeProblems(definition: Definition, types: NodeTypes): readonly Problem[] {
  const byKey = new Map(definition.nodes.map((node) => [node.key, node]));
  return definition.edges.flatMap((edge, index) => {
    const problems: Problem[] = [];
    for (const side of ['from', 'to'] as const) {
      const { key, port } = splitEnd(edge[side]);
      const node = byKey.get(key);
      const path = `edges[${index}].${side}`;
      if (node === undefined) {
        problems.push({ path, code: 'dangling_edge', message: `the edge ${edge.from} → ${edge.to} names "${key}", which is no node` });
        continue;
      }
      const type = types.get(node.type);
      if (port === null || type === undefined) continue;
      const ports = side === 'from' ? [...portsOf(type, node), ERROR_PORT] : type.inputs.map((input) => input.name);
      if (!ports.includes(port)) {
        problems.push({
          node: key,
          path,
          code: 'unknown_port',
          message: `"${key}" (${node.type}) has no ${side === 'from' ? 'output' : 'input'} port "${port}"; it has ${ports.length === 0 ? 'none' : ports.join(', ')}`,
        });
      }
    }
    return problems;
  });
}

function duplicateEdges(definition: Definition): readonly Problem[] {
  const first = new Map<string, number>();
  return definition.edges.flatMap((edge, index) => {
    const id = `${edge.from} → ${edge.to}`;
    const before = first.get(id);
    if (before === undefined) first.set(id, index);
    return before === undefined ? [] : [{ path: `edges[${index}]`, code: 'duplicate_edge', message: `the edge ${id} is there already, as edges[${before}]` }];
  });
}

/** A node that waits for more paths than lead to it would never run. */
function fanInProblems(definition: Definition): readonly Problem[] {
  return definition.nodes.flatMap((node, index) => {
    const n = node.params?.['n'];
    const wanted = typeof node.runIf === 'number' ? node.runIf : node.type === 'merge' && typeof n === 'number' ? n : 0;
    const paths = definition.edges.filter((edge) => splitEnd(edge.to).key === node.key && carriesToken(edge)).length;
    if (wanted <= Math.max(paths, 1)) return [];
    const path = `nodes[${index}].${typeof node.runIf === 'number' ? 'runIf' : 'params.n'}`;
    return [
      {
        node: node.key,
        path,
        code: 'unreachable_fan_in',
        message: `"${node.key}" waits for ${wanted} paths, and ${paths} lead to it; lower the number or add edges`,
      },
    ];
  });
}

/** `onError: branch` without an edge from the error port would swallow the failure. */
function unheardErrors(definition: Definition): readonly Problem[] {
  const heard = new Set(definition.edges.map((edge) => edge.from).filter((from) => splitEnd(from).port === ERROR_PORT));
  return definition.nodes.flatMap((node, index) =>
    node.onError === 'branch' && !heard.has(`${node.key}.${ERROR_PORT}`)
      ? [
          {
            node: node.key,
            path: `nodes[${index}].onError`,
            code: 'no_error_branch',
            message: `"${node.key}" branches on error, but no edge leaves "${node.key}.${ERROR_PORT}"; add one, or use "continue" to go on regardless`,
          },
        ]
      : [],
  );
}

/** One problem per knot of nodes that lead back to each other (Tarjan's strongly connected components). */
function cycleProblems(definition: Definition): readonly Problem[] {
  const indexOf = new Map(definition.nodes.map((node, index) => [node.key, index]));
  const next: number[][] = definition.nodes.map(() => []);
  const loops = new Set<number>();
  for (const edge of definition.edges) {
    const from = indexOf.get(splitEnd(edge.from).key);
    const to = indexOf.get(splitEnd(edge.to).key);
    if (from === undefined || to === undefined) continue;
    if (from === to) loops.add(from);
    next[from]?.push(to);
  }
  const knots = stronglyConnected(next).filter((knot) => knot.length > 1 || loops.has(knot[0] ?? -1));
  return knots.map((knot) => {
    const keys = knot.toSorted((a, b) => a - b).map((index) => definition.nodes[index]?.key ?? '');
    const [first = ''] = keys;
    const named = keys.slice(0, 10).join(', ') + (keys.length > 10 ? `, … (${keys.length} nodes)` : '');
    return {
      node: first,
      path: `nodes[${indexOf.get(first) ?? 0}]`,
      code: 'cycle',
      message: `these nodes lead back to themselves: ${named}; remove one edge between them`,
    };
  });
}

/** Without recursion: 2,000 nodes in a row would be 2,000 calls deep. */
function stronglyConnected(next: readonly (readonly number[])[]): readonly number[][] {
  const order = new Map<number, number>();
  const low: number[] = [];
  const onStack = new Set<number>();
  const stack: number[] = [];
  const found: number[][] = [];
  const enter = (node: number): { node: number; child: number } => {
    low[node] = order.size;
    order.set(node, order.size);
    stack.push(node);
    onStack.add(node);
    return { node, child: 0 };
  };
  for (let root = 0; root < next.length; root++) {
    if (order.has(root)) continue;
    const work = [enter(root)];
    for (let top = work.at(-1); top !== undefined; top = work.at(-1)) {
      const target = next[top.node]?.[top.child++];
      if (target !== undefined) {
        if (!order.has(target)) work.push(enter(target));
        else if (onStack.has(target)) low[top.node] = Math.min(low[top.node] ?? 0, order.get(target) ?? 0);
        continue;
      }
      work.pop();
      const parent = work.at(-1);
      if (parent !== undefined) low[parent.node] = Math.min(low[parent.node] ?? 0, low[top.node] ?? 0);
      if (low[top.node] !== order.get(top.node)) continue;
      const knot = stack.splice(stack.lastIndexOf(top.node));
      for (const node of knot) onStack.delete(node);
      found.push(knot);
    }
  }
  return found;
}

function schemaProblems(definition: Definition): readonly Problem[] {
  if (definition.inputSchema === undefined) return [];
  const fault = inputSchemaFault(definition.inputSchema);
  return fault === undefined ? [] : [{ path: 'inputSchema', code: 'bad_schema', message: fault }];
}
