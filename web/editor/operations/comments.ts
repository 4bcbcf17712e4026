/** Comments on the canvas: adding, changing, removing one. Pure. */
import type { GraphComment } from '../../../src/contract/graph.ts';
import type { Graph } from '../scope.ts';
import { newCommentId } from './keys.ts';

/** Changes a comment, or adds it when its id is new; undefined takes a field away. A null comment is removed. */
export function setComment(graph: Graph, id: string, patch: { readonly [Name in keyof GraphComment]?: GraphComment[Name] | undefined } | null): Graph {
  const old = graph.comments.find((comment) => comment.id === id);
  if (patch === null) return old === undefined ? graph : { ...graph, comments: graph.comments.filter((comment) => comment !== old) };
  const merged = { id, text: '', position: { x: 0, y: 0 }, ...old, ...patch };
  const comment = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined)) as GraphComment;
  return { ...graph, comments: old === undefined ? [...graph.comments, comment] : graph.comments.map((each) => (each === old ? comment : each)) };
}

/** Adds a comment with an id of its own. */
export function addComment(graph: Graph, comment: Omit<GraphComment, 'id'>): Graph {
  return setComment(graph, newCommentId(graph.comments.map(({ id }) => id)), comment);
}
