/** The edges of one level: where they lead, their ports, fan-in and error branches. Pure. */
import type { Problem } from '../contract/graph.ts';
import type { NodeTypes } from '../nodes/kit.ts';
import { ERROR_PORT, portsOf, splitEnd } from './graph.ts';
import { placeOf, type Level } from './levels.ts';

/** @param homes every key of the definition with its level, to tell an edge across a body's border from one to nowhere */
export function edgeProblems(level: Level, types: NodeTypes, homes: ReadonlyMap<string, { readonly level: Level }>): readonly Problem[] {
  return [...endProblems(level, types, homes), ...duplicateEdges(level), ...unheardErrors(level), ...deadErrorEdges(level)];
}

function endProblems(level: Level, types: NodeTypes, homes: ReadonlyMap<string, { readonly level: Level }>): readonly Problem[] {
  const byKey = new Map(level.nodes.map((node) => [node.key, node]));
  return level.edges.flatMap((edge, index) => {
    const problems: Problem[] = [];
    for (const side of ['from', 'to'] as const) {
      const { key, port } = splitEnd(edge[side]);
      const node = byKey.get(key);
      const path = `${placeOf(level, 'edges', index)}.${side}`;
      if (node === undefined) {
        problems.push({
          path,
          code: 'dangling_edge',
          message: `the edge ${edge.from} → ${edge.to} names "${key}", ${elsewhere(level, homes.get(key)?.level)}`,
        });
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

function elsewhere(from: Level, home: Level | undefined): string {
  if (home === undefined) return 'which is no node';
  if (home.owner !== undefined && home.depth > from.depth)
    return `which is in the body of "${home.owner.node.key}": edges stay within one body; lead it to or from "${home.owner.node.key}" itself`;
  return `which is ${home.owner === undefined ? 'at the top' : `in the body of "${home.owner.node.key}"`}: edges stay within one body, where expressions may read what ran before it`;
}

function duplicateEdges(level: Level): readonly Problem[] {
  const first = new Map<string, number>();
  return level.edges.flatMap((edge, index) => {
    const id = `${edge.from} → ${edge.to}`;
    const before = first.get(id);
    if (before === undefined) first.set(id, index);
    return before === undefined
      ? []
      : [{ path: placeOf(level, 'edges', index), code: 'duplicate_edge', message: `the edge ${id} is there already, as ${placeOf(level, 'edges', before)}` }];
  });
}

/** `onError: branch` without an edge from the error port would swallow the failure. */
function unheardErrors(level: Level): readonly Problem[] {
  const heard = new Set(level.edges.map((edge) => edge.from).filter((from) => splitEnd(from).port === ERROR_PORT));
  return level.nodes.flatMap((node, index) =>
    node.onError === 'branch' && !heard.has(`${node.key}.${ERROR_PORT}`)
      ? [
          {
            node: node.key,
            path: `${placeOf(level, 'nodes', index)}.onError`,
            code: 'no_error_branch',
            message: `"${node.key}" branches on error, but no edge leaves "${node.key}.${ERROR_PORT}"; add one, or use "continue" to go on regardless`,
          },
        ]
      : [],
  );
}

/** An edge from the error port of a node that never leaves by it. */
function deadErrorEdges(level: Level): readonly Problem[] {
  const policyOf = new Map(level.nodes.map((node) => [node.key, node.onError]));
  return level.edges.flatMap((edge, index) => {
    const { key, port } = splitEnd(edge.from);
    const policy = policyOf.get(key);
    if (port !== ERROR_PORT || policy === undefined || policy === 'branch') return [];
    return [
      {
        node: key,
        path: `${placeOf(level, 'edges', index)}.from`,
        code: 'dead_error_branch',
        message: `nothing ever leaves "${edge.from}": "${key}" has onError "${policy}"; set it to "branch", or remove the edge`,
      },
    ];
  });
}
