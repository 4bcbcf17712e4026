/** What the editor offers at a place of the definition: keys, values, node types, node keys and ports, names inside {{ }}.
 *  Pure; editor.ts gives it to CodeMirror. */
import type { NodeTypeView } from '../../src/contract/node-types.ts';
import { portsOfParams } from '../graph/model.ts';
import { definitionSchema, triggerSchemas } from './definition-schema.ts';
import { namesInExpression } from './expression-names.ts';
import { keysAt, looseValue, placeAt } from './json-doc.ts';
import type { JsonDoc, JsonPath } from './json-doc.ts';
import { descriptionOf, propertiesOf, schemasAt, typeText, valuesOf } from './schema.ts';
import type { Schema } from './schema.ts';

export interface Offer {
  readonly label: string;
  readonly kind: 'property' | 'value' | 'type' | 'node' | 'name';
  /** One short line beside the label. */
  readonly detail: string;
  /** A sentence or two. */
  readonly info: string;
  /** The text that replaces from..to. */
  readonly insert: string;
  /** Where the cursor goes, counted from the end of `insert`. */
  readonly back: number;
}

export interface Offers {
  readonly from: number;
  readonly to: number;
  readonly offers: readonly Offer[];
}

/** What completion knows beside the text. */
export interface Knowledge {
  readonly types: ReadonlyMap<string, NodeTypeView>;
  readonly secrets: readonly string[];
}

interface LooseNode {
  readonly key: string;
  readonly type: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export function offersAt(doc: JsonDoc, position: number, knowledge: Knowledge): Offers | undefined {
  const place = placeAt(doc, position);
  if (place === undefined) return undefined;
  const definition = looseDefinition(doc);
  if (place.role === 'value' && place.quoted) {
    const inside = namesInExpression({
      text: doc.text.slice(place.from + 1, position),
      path: place.path,
      nodes: definition.nodes,
      inputSchema: definition.inputSchema,
      knowledge,
    });
    if (inside !== undefined) return { from: position - inside.typed.length, to: position, offers: inside.offers };
  }
  const offers = place.role === 'key' ? keyOffers(doc, place.path, knowledge, place.to) : valueOffers(doc, place.path, knowledge, definition.nodes);
  return offers.length === 0 ? undefined : { from: place.from, to: place.to, offers };
}

/** What stands at a place, for a hover: type and description. */
export function explainAt(
  doc: JsonDoc,
  position: number,
  knowledge: Knowledge,
): { readonly title: string; readonly text: string; readonly from: number; readonly to: number } | undefined {
  const place = placeAt(doc, position);
  if (place === undefined || !place.quoted) return undefined;
  const word = doc.text.slice(place.from, place.to).replaceAll('"', '');
  if (place.role === 'value' && place.path.at(-1) === 'type' && place.path[0] === 'nodes') {
    const type = knowledge.types.get(word);
    if (type !== undefined)
      return {
        title: `${type.type} · ${type.title}`,
        text: `${type.summary}${type.runs === 'job' ? ` Runs as a job on the queue ${type.queue ?? 'studio'}.` : ''}`,
        from: place.from,
        to: place.to,
      };
  }
  const path = place.role === 'key' ? [...place.path, word] : place.path;
  const schemas = schemasFor(doc, path, knowledge);
  const text = descriptionOf(schemas);
  const title = `${String(path.at(-1) ?? '')}${typeText(schemas) === '' ? '' : `: ${typeText(schemas)}`}`;
  return text === '' && typeText(schemas) === '' ? undefined : { title, text, from: place.from, to: place.to };
}

function looseDefinition(doc: JsonDoc): { readonly nodes: readonly LooseNode[]; readonly inputSchema: Schema } {
  const value = asRecord(looseValue(doc));
  const nodes = (Array.isArray(value['nodes']) ? value['nodes'] : []).map((each) => {
    const node = asRecord(each);
    return { key: String(node['key'] ?? ''), type: String(node['type'] ?? ''), params: asRecord(node['params']) };
  });
  return { nodes, inputSchema: asRecord(value['inputSchema']) };
}

/** The schemas at a path: of the definition, and below `params` of the node's or trigger's type. */
function schemasFor(doc: JsonDoc, path: JsonPath, knowledge: Knowledge): readonly Schema[] {
  const own = rootFor(doc, path, knowledge);
  return schemasAt(own.root, own.path);
}

function rootFor(doc: JsonDoc, path: JsonPath, knowledge: Knowledge): { readonly root: Schema; readonly path: JsonPath } {
  const [list, index, field] = path;
  if (field !== 'params' || typeof index !== 'number') return { root: definitionSchema, path };
  const items = asRecord(looseValue(doc))[String(list)];
  const type = String(asRecord(Array.isArray(items) ? items[index] : undefined)['type'] ?? '');
  if (list === 'triggers') return { root: triggerSchemas[type] ?? {}, path: path.slice(3) };
  const known = knowledge.types.get(type);
  return known === undefined ? { root: definitionSchema, path } : { root: known.params, path: path.slice(3) };
}

function keyOffers(doc: JsonDoc, path: JsonPath, knowledge: Knowledge, to: number): readonly Offer[] {
  const own = rootFor(doc, path, knowledge);
  const present = new Set(keysAt(doc, path));
  const hasValue = /^\s*:/.test(doc.text.slice(to));
  return propertiesOf(own.root, schemasAt(own.root, own.path))
    .filter((hint) => !present.has(hint.name) || hasValue)
    .map((hint) => {
      const comma = /^\s*"/.test(doc.text.slice(to)) ? ',' : '';
      const insert = hasValue ? JSON.stringify(hint.name) : `${JSON.stringify(hint.name)}: ${hint.sample}${comma}`;
      const inner = /^(""|\{\}|\[\])$/.test(hint.sample) ? 1 : 0;
      return {
        label: hint.name,
        kind: 'property',
        detail: `${hint.type}${hint.required ? ' · required' : ''}`,
        info: hint.description,
        insert,
        back: hasValue ? 0 : inner + comma.length,
      };
    });
}

function valueOffers(doc: JsonDoc, path: JsonPath, knowledge: Knowledge, nodes: readonly LooseNode[]): readonly Offer[] {
  const [list, , field] = path;
  if (list === 'nodes' && field === 'type' && path.length === 3) return typeOffers(knowledge);
  if (list === 'edges' && (field === 'from' || field === 'to') && path.length === 3) return endOffers(field, nodes, knowledge);
  return valuesOf(schemasFor(doc, path, knowledge)).map((value) => ({
    label: typeof value === 'string' ? value : JSON.stringify(value),
    kind: 'value',
    detail: '',
    info: '',
    insert: JSON.stringify(value),
    back: 0,
  }));
}

function typeOffers(knowledge: Knowledge): readonly Offer[] {
  return [...knowledge.types.values()].map((type) => ({
    label: type.type,
    kind: 'type',
    detail: type.title,
    info: `${type.summary}${type.requires === 'user' ? '' : ` Needs the role ${type.requires}.`}`,
    insert: JSON.stringify(type.type),
    back: 0,
  }));
}

function endOffers(field: 'from' | 'to', nodes: readonly LooseNode[], knowledge: Knowledge): readonly Offer[] {
  const offer = (label: string, detail: string): Offer => ({ label, kind: 'node', detail, info: '', insert: JSON.stringify(label), back: 0 });
  return nodes
    .filter((node) => node.key !== '')
    .flatMap((node) => {
      const type = knowledge.types.get(node.type);
      if (field === 'to') return [offer(node.key, node.type)];
      const ports = type === undefined ? [] : type.dynamicOutputs ? portsOfParams(node.params as never) : type.outputs.map((port) => port.name);
      const named = ports.length > 1 || type?.dynamicOutputs === true ? ports : [];
      return [offer(node.key, node.type), ...[...named, 'error'].map((port) => offer(`${node.key}.${port}`, port === 'error' ? 'when it fails' : node.type))];
    });
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}
