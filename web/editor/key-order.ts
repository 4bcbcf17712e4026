/** A definition with its names in the order in which people read them: a database gives them back in an order of its own. Pure; the value is the same. */
import type { Json } from '../../src/contract/endpoint.ts';

const DEFINITION = ['nodes', 'edges', 'comments', 'inputSchema', 'triggers', 'settings'];
const NODE = ['key', 'type', 'typeVersion', 'name', 'notes', 'params'];
const EDGE = ['from', 'to', 'mode', 'when'];
const COMMENT = ['id', 'text', 'position', 'size', 'colour'];
const TRIGGER = ['key', 'type', 'enabled', 'params'];

/** What is no definition is given back as it is. */
export function inOrder<Value>(value: Value): Value {
  return graphInOrder(value as Json) as Value;
}

function graphInOrder(value: Json): Json {
  if (!isObject(value) || !Array.isArray(value['nodes'])) return value;
  const each = (name: string, order: (item: Json) => Json): Record<string, Json> => {
    const list = value[name];
    return Array.isArray(list) ? { [name]: list.map(order) } : {};
  };
  const parts = {
    ...value,
    ...each('nodes', nodeInOrder),
    ...each('edges', (edge) => ordered(edge, EDGE)),
    ...each('comments', (comment) => ordered(comment, COMMENT)),
    ...each('triggers', (trigger) => ordered(trigger, TRIGGER)),
  };
  return ordered(parts, DEFINITION);
}

/** Where a node stands and how it is run come after what it does. */
function nodeInOrder(node: Json): Json {
  const inner = isObject(node) ? node['params'] : undefined;
  if (!isObject(node) || !isObject(inner) || inner['body'] === undefined) return ordered(node, NODE);
  return ordered({ ...node, params: { ...inner, body: graphInOrder(inner['body']) } }, NODE);
}

function ordered(value: Json, names: readonly string[]): Json {
  if (!isObject(value)) return value;
  const first = names.flatMap((name): [string, Json][] => (value[name] === undefined ? [] : [[name, value[name]]]));
  const { position, ...rest } = Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
  return { ...Object.fromEntries(first), ...rest, ...(position === undefined ? {} : { position }) };
}

function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
