/** What differs between two definitions: things matched by key, each changed field with its value before and after. Pure. */
import type { Change, ChangedThings, DefinitionDiff } from '../contract/definitions.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Definition, GraphNode } from '../contract/graph.ts';
import { equalJson } from '../kernel/json.ts';
import type { NodeTypes } from '../nodes/kit.ts';
import { levelsOf, type Level } from './levels.ts';

/** @param types tell which params are bodies: their nodes are compared by key, like those around them */
export function diffDefinitions(before: Definition, after: Definition, types: NodeTypes): DefinitionDiff {
  const [old, now] = [before, after].map((definition) => levelsOf(definition, types).levels);
  const nodes = diffThings(nodesOf(old ?? [], types), nodesOf(now ?? [], types));
  const edges = diffThings(edgesOf(old ?? []), edgesOf(now ?? []));
  const triggers = diffThings(triggersOf(before), triggersOf(after));
  const comments = diffThings(commentsOf(old ?? []), commentsOf(now ?? []));
  const settings = changesOf(asJson(before.settings ?? {}), asJson(after.settings ?? {}));
  const inputSchema = changesOf(before.inputSchema, after.inputSchema);
  const isSame = [nodes, edges, triggers, comments].every((part) => [part.added, part.removed, part.changed].every((list) => list.length === 0));
  return { isSame: isSame && settings.length === 0 && inputSchema.length === 0, nodes, edges, triggers, comments, settings, inputSchema };
}

type Things = ReadonlyMap<string, Json>;

function diffThings(before: Things, after: Things): ChangedThings {
  const changed = [...after].flatMap(([key, value]) => {
    const old = before.get(key);
    const changes = old === undefined ? [] : changesOf(old, value);
    return changes.length === 0 ? [] : [{ key, changes }];
  });
  return {
    added: [...after].flatMap(([key, value]) => (before.has(key) ? [] : [value])),
    removed: [...before].flatMap(([key, value]) => (after.has(key) ? [] : [value])),
    changed,
  };
}

function nodesOf(levels: readonly Level[], types: NodeTypes): Things {
  return new Map(levels.flatMap((level) => level.nodes.map((node) => [node.key, asJson({ ...withoutBodies(node, types), ...inside(level) })] as const)));
}

/** Bodies are levels of their own here. */
function withoutBodies(node: GraphNode, types: NodeTypes): GraphNode {
  const bodies = types.get(node.type)?.bodyParams ?? [];
  if (node.params === undefined || bodies.length === 0) return node;
  return { ...node, params: Object.fromEntries(Object.entries(node.params).filter(([name]) => !bodies.includes(name))) };
}

function edgesOf(levels: readonly Level[]): Things {
  return new Map(levels.flatMap((level) => level.edges.map((edge) => [`${edge.from} → ${edge.to}`, asJson({ ...edge, ...inside(level) })] as const)));
}

/** An id is unique in its own graph alone. */
function commentsOf(levels: readonly Level[]): Things {
  return new Map(
    levels.flatMap((level) =>
      (level.comments ?? []).map(
        (comment) => [[level.owner?.node.key, comment.id].filter((part) => part !== undefined).join('/'), asJson({ ...comment, ...inside(level) })] as const,
      ),
    ),
  );
}

function inside(level: Level): { readonly in?: string } {
  return level.owner === undefined ? {} : { in: level.owner.node.key };
}

function triggersOf(definition: Definition): Things {
  return new Map((definition.triggers ?? []).map((trigger) => [trigger.key, asJson(trigger)]));
}

/** Down to the smallest part that differs: keys of objects, and items of arrays of one length. */
function changesOf(before: Json | undefined, after: Json | undefined, path = ''): Change[] {
  if (before === undefined || after === undefined) {
    if (before === after) return [];
    return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
  }
  if (equalJson(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length)
    return after.flatMap((item, index) => changesOf(before[index], item, `${path}[${index}]`));
  if (!isObject(before) || !isObject(after)) return [{ path, before, after }];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => changesOf(own(before, name), own(after, name), path === '' ? name : `${path}.${name}`));
}

function isObject(value: Json): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(value: Record<string, Json>, name: string): Json | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

/** What is not set is not there. */
function asJson(value: object): Json {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Json;
}
