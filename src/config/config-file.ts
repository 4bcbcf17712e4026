/** Reads a configuration file (ts, js, toml, yaml, json) into flat text values by key. Names the unknown keys with their nearest.
 *  Never applies anything; precedence is load.ts's. */
import { readFileSync, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../kernel/fail.ts';
import { nearestName } from '../kernel/nearest.ts';
import { keys, type KeyName } from './schema.ts';

export interface FileValues {
  readonly path: string;
  readonly values: ReadonlyMap<KeyName, string>;
  /** Keys it holds that Studio does not have, as sentences. */
  readonly notices: readonly string[];
}

/** @param isAgain a module that was loaded before is loaded anew
 *  @throws Error when it is missing, can't be parsed, or is no table of keys */
export async function readConfigFile(path: string, isAgain = false): Promise<FileValues> {
  const full = resolve(path);
  try {
    return flattenConfig(full, await parseFile(full, isAgain));
  } catch (cause) {
    throw new Error(`The configuration file ${full} can't be used: ${messageOf(cause)}`, { cause });
  }
}

/** The same for values that are already there (studio.config.ts, imported with the program). */
export function flattenConfig(path: string, content: unknown): FileValues {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) throw new Error('it does not hold a table of keys');
  const values = new Map<KeyName, string>();
  const notices: string[] = [];
  for (const [name, value] of leaves(content)) {
    const key = keyNamed(name);
    if (key === undefined) notices.push(`${path}: unknown key ${name}; did you mean ${nearestName(name, Object.keys(keys))}?`);
    else if (value !== undefined && value !== null) values.set(key, Array.isArray(value) ? listText(value) : String(value));
  }
  return { path, values, notices };
}

/** Words are joined as in a variable; tables stay what they are, as JSON. */
function listText(list: readonly unknown[]): string {
  return list.some((item) => typeof item === 'object') ? JSON.stringify(list) : list.join(',');
}

async function parseFile(path: string, isAgain: boolean): Promise<unknown> {
  const kind = extname(path);
  if (['.ts', '.mts', '.js', '.mjs'].includes(kind)) {
    const { href } = pathToFileURL(path);
    // A name of its own makes it another module.
    return ((await import(isAgain ? `${href}?${statSync(path).mtimeMs}` : href)) as { default?: unknown }).default;
  }
  const content = readFileSync(path, 'utf8');
  if (kind === '.json') return JSON.parse(content);
  if (kind === '.toml') return (await import('./config-formats.ts')).parseToml(content);
  if (kind === '.yaml' || kind === '.yml') return (await import('./config-formats.ts')).parseYaml(content);
  throw new Error(`its ending ${kind || '(none)'} is none of .ts, .js, .json, .toml, .yaml`);
}

/** Keys by full name, sections joined by dots: `server.port`. */
function leaves(table: object, prefix = ''): readonly (readonly [string, unknown])[] {
  return Object.entries(table).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? leaves(value, `${prefix}${name}.`) : [[`${prefix}${name}`, value] as const],
  );
}

/** By our own name, by the environment's, or by another system's section. */
function keyNamed(name: string): KeyName | undefined {
  const found = Object.entries(keys).find(
    ([own, spec]) => own === name || spec.env.some((env) => env === name) || ('section' in spec && spec.section === name),
  );
  return found?.[0] as KeyName | undefined;
}
