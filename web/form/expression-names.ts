/** Names that an expression may use at a place: `input`, `steps.<key>.output.…`, `instance`, `workflow`, `secrets.<NAME>`.
 *  Pure. What a type's output holds: output-fields.ts. */
import type { Knowledge, Offer } from './completion.ts';
import { expressionFunctions } from './expression-functions.ts';
import type { JsonPath } from './json-doc.ts';
import { outputFields } from './output-fields.ts';
import { propertiesOf, schemasAt } from './schema.ts';
import type { Schema } from './schema.ts';

interface ExpressionInput {
  /** Of the string, from its start to the cursor. */
  readonly text: string;
  readonly path: JsonPath;
  readonly nodes: readonly { readonly key: string; readonly type: string }[];
  readonly inputSchema: Schema;
  readonly knowledge: Knowledge;
}

/** Fields that are expressions by themselves, without braces. */
const BARE = new Set(['condition', 'when']);

/** @returns names that go on from what is typed, or undefined where no expression is open */
export function namesInExpression(input: ExpressionInput): { readonly typed: string; readonly offers: readonly Offer[] } | undefined {
  const open = input.text.lastIndexOf('{{');
  const isOpen = open !== -1 && !input.text.slice(open).includes('}}');
  const isBare = BARE.has(String(input.path.at(-1))) && input.path.length === 3;
  if (!isOpen && !isBare) return undefined;
  const expression = isOpen ? input.text.slice(open + 2) : input.text;
  const chain = /[A-Za-z_$][\w$]*(?:\.[\w$]*)*$/.exec(expression)?.[0] ?? '';
  const parts = chain.split('.');
  const typed = parts.at(-1) ?? '';
  return { typed, offers: namesAfter(parts.slice(0, -1), input) };
}

function namesAfter(before: readonly string[], input: ExpressionInput): readonly Offer[] {
  const [first, second, third, ...rest] = before;
  if (first === undefined) return ROOTS;
  if (first === 'input')
    return propertiesOf(input.inputSchema, schemasAt(input.inputSchema, before.slice(1))).map((hint) => name(hint.name, hint.type, hint.description));
  if (first === 'secrets' && second === undefined)
    return input.knowledge.secrets.map((each) => name(each, 'secret', 'Never stored with the instance, masked in logs.'));
  if (first === 'instance' && second === undefined)
    return [name('id', 'string', ''), name('createdAt', 'string', ''), name('startedBy', 'string', ''), name('labels', 'object', '')];
  if (first === 'workflow' && second === undefined) return [name('id', 'string', ''), name('name', 'string', ''), name('version', 'integer', '')];
  if (first !== 'steps') return [];
  const self = input.path[0] === 'nodes' ? input.nodes[Number(input.path[1])]?.key : undefined;
  if (second === undefined) return input.nodes.filter((node) => node.key !== '' && node.key !== self).map((node) => name(node.key, node.type, ''));
  if (third === undefined) return [name('output', 'json', `What ${second} returned.`)];
  const type = input.nodes.find((node) => node.key === second)?.type ?? '';
  return third === 'output' && rest.length === 0 ? outputFields(type).map((each) => name(each, type, '')) : [];
}

function name(label: string, detail: string, info: string): Offer {
  return { label, kind: 'name', detail, info, insert: label, back: 0 };
}

const ROOTS: readonly Offer[] = [
  name('input', 'json', 'What the instance was started with.'),
  name('steps', 'object', 'Ended steps: steps.<key>.output.'),
  name('item', 'json', 'Inside a map: the item.'),
  name('index', 'integer', 'Inside a map: its place, from 0.'),
  name('instance', 'object', 'This run.'),
  name('workflow', 'object', 'Its workflow.'),
  name('secrets', 'object', 'Secrets by name; masked wherever they would show.'),
  ...expressionFunctions.map((each) => ({ ...name(`$${each.name}`, 'function', each.text), detail: `(${each.arguments})` })),
];
