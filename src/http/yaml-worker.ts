/** A thread that reads one YAML text into JSON text and ends. Apart from the main thread because a megabyte takes a second, and memory
 *  without measure: its starter gives it limits of both. Takes plain data alone: no aliases, no tags, string keys, each once. */
import { parentPort, workerData } from 'node:worker_threads';
import { isAlias, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';

export type YamlReply = { readonly json: string } | { readonly fault: string };

/** Reads what stands in `workerData`. Exported for its tests. */
export function readYaml(text: string): YamlReply {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    stringKeys: true,
    uniqueKeys: true,
    resolveKnownTags: false,
    lineCounter: lines,
    prettyErrors: false,
  });
  const at = (offset: number | undefined): string => {
    const { line, col } = lines.linePos(offset ?? 0);
    return `line ${line}, column ${col}`;
  };
  const [first] = [...document.errors, ...document.warnings];
  if (first !== undefined) return { fault: `${at(first.pos[0])}: ${sentenceOf(first)}` };
  const strange = firstStrange(document);
  if (strange !== undefined) return { fault: `${at(strange.at)}: ${strange.why}` };
  return { json: JSON.stringify(document.toJS({ maxAliasCount: 0 })) ?? 'null' };
}

function sentenceOf(error: { readonly code: string; readonly message: string }): string {
  if (error.code === 'DUPLICATE_KEY') return 'this key stands there twice; keep one';
  if (error.code === 'RESOURCE_EXHAUSTION') return 'it is nested too deeply; flatten it';
  if (error.code === 'MULTIPLE_DOCS') return 'a second document begins here; send one';
  if (error.code === 'NON_STRING_KEY') return 'this key is no text; write it in quotes';
  if (error.code === 'TAG_RESOLVE_FAILED') return 'tags (!x) are not taken; write the plain value';
  return error.message;
}

/** What YAML can say and JSON can't. */
function firstStrange(document: Document): { readonly at: number | undefined; readonly why: string } | undefined {
  let found: { readonly at: number | undefined; readonly why: string } | undefined;
  visit(document, (_key, node) => {
    if (isAlias(node)) found = { at: node.range?.[0], why: `aliases (*${node.source}) are not taken; write the value out` };
    else if (isScalar(node) && typeof node.value === 'number' && !Number.isFinite(node.value))
      found = { at: node.range?.[0], why: 'only finite numbers are taken' };
    return found === undefined ? undefined : visit.BREAK;
  });
  return found;
}

if (parentPort !== null && typeof workerData === 'string') parentPort.postMessage(readYaml(workerData));
