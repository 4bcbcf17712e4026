/** The levels of a definition: its own graph, and the graphs in the bodies of its nodes, at any depth. Pure.
 *  One thing to know: a body is found by its type's `bodyParams`, and everything about it is named by its path from the top. */
import type { Json } from '../contract/endpoint.ts';
import { graphBody, type Definition, type GraphComment, type GraphEdge, type GraphNode, type Problem } from '../contract/graph.ts';
import type { NodeTypes } from '../nodes/kit.ts';
import { shapeProblems } from './validate-shape.ts';

/** Bodies in bodies: deeper is a workflow of its own (`workflow.call`). */
export const MAX_BODY_DEPTH = 8;

export interface Level {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly comments?: readonly GraphComment[] | undefined;
  /** Stands before `nodes[…]` and `edges[…]`: empty at the top, `nodes[3].params.body.` in a body. */
  readonly path: string;
  /** 0 at the top. */
  readonly depth: number;
  /** The node whose body this is. */
  readonly owner: { readonly level: Level; readonly index: number; readonly node: GraphNode } | undefined;
}

export interface Levels {
  /** Outer levels before those inside them; a body that has not the shape of a graph is left out. */
  readonly levels: readonly Level[];
  readonly problems: readonly Problem[];
}

export function levelsOf(definition: Pick<Definition, 'nodes' | 'edges' | 'comments'>, types: NodeTypes): Levels {
  const levels: Level[] = [{ nodes: definition.nodes, edges: definition.edges, comments: definition.comments, path: '', depth: 0, owner: undefined }];
  const problems: Problem[] = [];
  // Grows while it is walked: bodies hold nodes with bodies.
  for (const level of levels) {
    level.nodes.forEach((node, index) => {
      for (const { name, value } of bodiesOf(node, types)) {
        const path = `${level.path}nodes[${index}].params.${name}`;
        if (level.depth >= MAX_BODY_DEPTH) {
          problems.push({
            node: node.key,
            path,
            code: 'too_deep',
            message: `bodies stand at most ${MAX_BODY_DEPTH} deep in each other, and this one is deeper; move it into a workflow of its own and call that`,
          });
          continue;
        }
        const parsed = graphBody.safeParse(value);
        if (parsed.success) levels.push({ ...parsed.data, path: `${path}.`, depth: level.depth + 1, owner: { level, index, node } });
        else problems.push(...shapeProblems(parsed.error.issues, value, { path, node: node.key }));
      }
    });
  }
  return { levels, problems };
}

/** The bodies a node has. One that is missing is for the type's params to judge. */
function bodiesOf(node: GraphNode, types: NodeTypes): readonly { readonly name: string; readonly value: Json }[] {
  return (types.get(node.type)?.bodyParams ?? []).flatMap((name) => {
    const value = node.params?.[name];
    return value === undefined ? [] : [{ name, value }];
  });
}

/** `nodes[2]`, `nodes[3].params.body.edges[0]`. */
export function placeOf(level: Level, kind: 'nodes' | 'edges', index: number): string {
  return `${level.path}${kind}[${index}]`;
}
