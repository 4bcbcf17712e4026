/** What a node is by itself: its type, version, params, rights and policy. Pure. */
import type { GraphNode, Problem } from '../contract/graph.ts';
import { roles, type Role } from '../contract/values.ts';
import { nearestName } from '../kernel/nearest.ts';
import type { NodeType, NodeTypes } from '../nodes/kit.ts';
import { placeOf, type Level } from './levels.ts';
import { paramProblems } from './validate-params.ts';

/** The code of a problem that is about rights, not about the graph. */
export const FORBIDDEN_TYPE = 'forbidden_type';

/** @param role of who publishes */
export function nodeProblems(level: Level, types: NodeTypes, role: Role): readonly Problem[] {
  return level.nodes.flatMap((node, index) => judgeNode(node, placeOf(level, 'nodes', index), types, role));
}

function judgeNode(node: GraphNode, path: string, types: NodeTypes, role: Role): readonly Problem[] {
  const type = types.get(node.type);
  if (type === undefined) {
    return [
      {
        node: node.key,
        path: `${path}.type`,
        code: 'unknown_type',
        message: `there is no node type "${node.type}"${suggestion(node.type, types)}; GET /api/v1/node-types lists them`,
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
  problems.push(...policyProblems(node, path, type, role), ...paramProblems(node, path, type));
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
    for (const name of ['queue', 'resources', 'preemptible'] as const) {
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

/** The type that is one small slip away: in spelling, or with a part left out (`request`, `httpRequest`). */
function suggestion(type: string, types: NodeTypes): string {
  const plain = (text: string): string =>
    text
      .slice(0, 64)
      .toLowerCase()
      .replace(/[^a-z]/g, '');
  const asked = plain(type);
  if (asked === '') return '';
  const part = [...types.keys()].find((name) => plain(name) === asked || plain(name).endsWith(asked) || plain(name).startsWith(asked));
  const near =
    part ??
    nearestName(
      asked,
      [...types.keys()].filter((name) => sharesMost(plain(name), asked)),
    );
  return near === '' ? '' : `; did you mean "${near}"?`;
}

/** Enough letters in common that a suggestion helps more than it puzzles. */
function sharesMost(name: string, asked: string): boolean {
  const left = [...name];
  const common = [...asked].filter((letter) => {
    const at = left.indexOf(letter);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
  return common.length >= 0.75 * Math.max(name.length, asked.length);
}
