/** A JSON text as it is being typed: where the cursor stands, where a path lies, what the text says so far, what is broken.
 *  Pure, over the syntax tree of @lezer/json, which recovers from faults; nothing here throws on bad text. */
import { parser } from '@lezer/json';

type Tree = ReturnType<typeof parser.parse>;
type SyntaxNode = Tree['topNode'];
export type JsonPath = readonly (string | number)[];

export interface JsonDoc {
  readonly text: string;
  readonly tree: Tree;
}

/** Where a position lies. */
export interface Place {
  /** Of a value: its own path. Of a key: the path of its object. */
  readonly path: JsonPath;
  readonly role: 'key' | 'value';
  /** What a completion replaces, quotes included. */
  readonly from: number;
  readonly to: number;
  /** True inside a string (or an unfinished one). */
  readonly quoted: boolean;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

const VALUES = new Set(['Object', 'Array', 'String', 'Number', 'True', 'False', 'Null']);

export function docOf(text: string): JsonDoc {
  return { text, tree: parser.parse(text) };
}

/** `nodes[3].params.url` → ['nodes', 3, 'params', 'url']. */
export function parsePath(path: string): JsonPath {
  return [...path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map((match) =>
    match[1] !== undefined ? Number(match[1]) : (match[2] ?? match[3] ?? ''),
  );
}

/** What the text says so far: unfinished parts are left out. */
export function looseValue(doc: JsonDoc): unknown {
  const top = doc.tree.topNode.firstChild;
  return top === null ? undefined : valueOf(top, doc.text);
}

function valueOf(node: SyntaxNode, text: string): unknown {
  const raw = text.slice(node.from, node.to);
  if (node.name === 'Object')
    return Object.fromEntries(
      children(node, 'Property').flatMap((property) => {
        const value = valueNode(property);
        return value === undefined ? [] : [[nameOf(property, text), valueOf(value, text)] as const];
      }),
    );
  if (node.name === 'Array') return childValues(node).map((child) => valueOf(child, text));
  if (node.name === 'String') return unquote(raw);
  if (node.name === 'Number') return Number(raw);
  if (node.name === 'True') return true;
  if (node.name === 'False') return false;
  return node.name === 'Null' ? null : undefined;
}

function children(node: SyntaxNode, name: string): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) if (child.name === name) found.push(child);
  return found;
}

function childValues(node: SyntaxNode): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) if (VALUES.has(child.name)) found.push(child);
  return found;
}

function valueNode(property: SyntaxNode): SyntaxNode | undefined {
  return childValues(property).at(-1);
}

function nameOf(property: SyntaxNode, text: string): string {
  const name = property.getChild('PropertyName');
  return name === null ? '' : unquote(text.slice(name.from, name.to));
}

function unquote(raw: string): string {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'string' ? value : raw;
  } catch {
    return raw.replace(/^"/, '').replace(/"$/, '');
  }
}

/** Where a path's value lies; with a path that leads further than the text, the deepest part that is there. Empty text: its start. */
export function rangeOf(doc: JsonDoc, path: JsonPath): Range {
  let node = doc.tree.topNode.firstChild;
  let range: Range = { from: 0, to: Math.min(doc.text.length, 1) };
  for (const part of [undefined, ...path]) {
    if (part !== undefined) node = node === null ? null : childAt(node, part, doc.text);
    if (node === null) break;
    range = node.name === 'Object' || node.name === 'Array' ? { from: node.from, to: Math.min(node.to, node.from + 1) } : { from: node.from, to: node.to };
  }
  return range;
}

/** Where the name of a property lies: what a problem about the key itself points at. */
export function keyRangeOf(doc: JsonDoc, path: JsonPath): Range {
  const parent = nodeAt(doc, path.slice(0, -1));
  const name = path.at(-1);
  const property = parent === undefined ? undefined : children(parent, 'Property').find((each) => nameOf(each, doc.text) === name);
  const label = property?.getChild('PropertyName');
  return label === undefined || label === null ? rangeOf(doc, path) : { from: label.from, to: label.to };
}

function nodeAt(doc: JsonDoc, path: JsonPath): SyntaxNode | undefined {
  let node = doc.tree.topNode.firstChild;
  for (const part of path) node = node === null ? null : childAt(node, part, doc.text);
  return node ?? undefined;
}

function childAt(node: SyntaxNode, part: string | number, text: string): SyntaxNode | null {
  if (typeof part === 'number') return childValues(node)[part] ?? null;
  const property = children(node, 'Property').findLast((each) => nameOf(each, text) === part);
  return property === undefined ? null : (valueNode(property) ?? null);
}

/** Names in the object at a path, in order. */
export function keysAt(doc: JsonDoc, path: JsonPath): readonly string[] {
  const node = nodeAt(doc, path);
  return node === undefined ? [] : children(node, 'Property').map((property) => nameOf(property, doc.text));
}

/** Where a position lies, or undefined outside of everything (before the text's first brace). */
export function placeAt(doc: JsonDoc, position: number): Place | undefined {
  const inner = doc.tree.resolveInner(position, -1);
  const node = inner.name === 'String' || inner.name === 'PropertyName' ? inner : landing(inner);
  if (node === undefined) return undefined;
  const token = wordAround(doc.text, position, node);
  if (node.name === 'PropertyName') return { path: pathOf(node.parent?.parent ?? node, doc, position), role: 'key', ...token };
  if (node.name === 'Object') return { path: pathOf(node, doc, position), role: 'key', ...token };
  return { path: pathOf(node, doc, position), role: 'value', ...token };
}

/** The object, array, property or plain value that a position between tokens belongs to. */
function landing(inner: SyntaxNode): SyntaxNode | undefined {
  let node: SyntaxNode | null = inner;
  while (node !== null && !VALUES.has(node.name) && node.name !== 'Property') {
    const ended: boolean = node.name === '}' || node.name === ']';
    node = node.parent;
    if (ended && node !== null) node = node.parent;
  }
  return node ?? undefined;
}

/** The path of the value at (or about to be at) a position inside `node`. */
function pathOf(node: SyntaxNode, doc: JsonDoc, position: number): JsonPath {
  const path: (string | number)[] = [];
  if (node.name === 'Array') path.unshift(childValues(node).filter((child) => child.to < position).length);
  let child = node;
  if (node.name === 'Property') path.unshift(nameOf(node, doc.text));
  for (let parent = node.parent; parent !== null; parent = parent.parent) {
    if (parent.name === 'Property' && child.name !== 'PropertyName') path.unshift(nameOf(parent, doc.text));
    if (parent.name === 'Array') path.unshift(childValues(parent).findIndex((each) => each.from === child.from));
    child = parent;
  }
  return path;
}

function wordAround(text: string, position: number, node: SyntaxNode): Range & { readonly quoted: boolean } {
  if (node.name === 'String' || node.name === 'PropertyName') return { from: node.from, to: node.to, quoted: true };
  const lineStart = text.lastIndexOf('\n', position - 1) + 1;
  const before = text.slice(lineStart, position);
  const open = unfinishedQuote(before);
  if (open !== -1) return { from: lineStart + open, to: position, quoted: true };
  const word = /[A-Za-z0-9_.$-]*$/.exec(before)?.[0] ?? '';
  return { from: position - word.length, to: position, quoted: false };
}

/** Index of a quote that is opened and not closed on this line, or -1. */
function unfinishedQuote(line: string): number {
  let open = -1;
  for (let index = 0; index < line.length; index += 1) {
    if (line[index] === '\\') index += 1;
    else if (line[index] === '"') open = open === -1 ? index : -1;
  }
  return open;
}

/** Faults of the syntax, each where it is. Empty when JSON.parse takes the text. */
export function syntaxFaults(doc: JsonDoc): readonly (Range & { readonly message: string })[] {
  if (doc.text.trim() === '') return [{ from: 0, to: 0, message: 'The text is empty; a workflow is an object with "nodes" and "edges".' }];
  try {
    JSON.parse(doc.text);
    return [];
  } catch (error) {
    const faults: (Range & { message: string })[] = [];
    doc.tree.iterate({
      enter(node) {
        if (node.type.isError && faults.length < 20)
          faults.push({ ...visible(doc.text, node.from, node.to), message: faultText(doc.text, node.from, node.to) });
      },
    });
    const own = error instanceof Error ? error.message : String(error);
    const at = /position (\d+)/.exec(own)?.[1];
    return faults.length > 0 ? faults : [{ ...visible(doc.text, Number(at ?? 0), Number(at ?? 0)), message: own }];
  }
}

/** At least one character, so that there is something to underline. */
function visible(text: string, from: number, to: number): Range {
  if (to > from) return { from, to };
  return from < text.length ? { from, to: from + 1 } : { from: Math.max(0, text.length - 1), to: text.length };
}

function faultText(text: string, from: number, to: number): string {
  const found = text.slice(from, to).trim();
  const before = text.slice(0, from).trimEnd().at(-1);
  const next = text.slice(from).trimStart().at(0);
  if (found === '' && before === ',' && (next === '}' || next === ']')) return 'A comma before the end is one too many.';
  if (found === '' && next === undefined) return 'The text ends too early: a bracket, brace or quote is still open.';
  if (found === '' && before === ':') return 'A value is missing after the colon.';
  if (found === '') return 'Something is missing here: a comma, a colon, a quote or a bracket.';
  const shown = found.length > 30 ? `${found.slice(0, 30)}…` : found;
  return /^[A-Za-z_]\w*$/.test(found) ? `${shown} needs quotes: "${shown}".` : `${shown} does not belong here; is a comma or a quote missing before it?`;
}
