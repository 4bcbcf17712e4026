/** What makes a definition of a service whole or refused, beyond its shape: placeholders, dependencies, and files laid over what the API holds. Pure. */
import { serviceDefinition, serviceOverride, type ServiceDefinition } from '../contract/services.ts';
import type { Json } from '../contract/endpoint.ts';
import { issueText } from '../kernel/issue-text.ts';
import { nearestName } from '../kernel/nearest.ts';

/** Where a definition stands. */
export interface DefinedService {
  readonly definition: ServiceDefinition;
  readonly source: 'file' | 'api';
  readonly file: string | null;
  /** Whose secrets its environment names; null: the first org's. */
  readonly orgId: string | null;
}

/** A file's entry that can't be used: shown where its service would stand. */
export interface BrokenService {
  readonly name: string;
  readonly file: string;
  readonly fault: string;
}

/** One entry of a file, as it was read. */
export interface FileEntry {
  readonly file: string;
  readonly value: unknown;
  /** What it is called when it does not say: the file's name. */
  readonly name: string | null;
}

export interface Definitions {
  readonly services: ReadonlyMap<string, DefinedService>;
  readonly broken: readonly BrokenService[];
  /** Of Studio's own services: what a file says of them. */
  readonly required: ReadonlyMap<string, boolean>;
}

const PLACEHOLDERS = ['port', 'base', 'folder', 'workspace'] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];
const HOLE = /\{\{\s*([^{}]*?)\s*\}\}/g;
const SECRET = /^secrets\.([A-Za-z_][A-Za-z0-9_]{0,63})$/;

/** Why a definition can't be used; undefined: it can. @param known names it may name in `after`, its own left out */
export function definitionFault(definition: ServiceDefinition, known: readonly string[]): string | undefined {
  const fault =
    holesFault(definition.command, 'command', false) ??
    holesFault(Object.values(definition.env), 'env', true) ??
    holesFault(definition.cwd === undefined ? [] : [definition.cwd], 'cwd', false);
  if (fault !== undefined) return fault;
  if (definition.after.includes(definition.name)) return `after: ${definition.name} can't wait for itself`;
  const missing = definition.after.find((name) => !known.includes(name));
  if (missing !== undefined) return `after: there is no service "${missing}"; did you mean ${nearestName(missing, known)}?`;
  const { page } = definition;
  if (page !== null && page.isolation === 'sandbox' && !page.stripPrefix)
    return 'page.stripPrefix: false needs page.isolation "trusted": the address of a sandboxed page differs for each who opens it';
  return undefined;
}

function holesFault(texts: readonly string[], field: string, mayHoldSecrets: boolean): string | undefined {
  for (const text of texts) {
    for (const [whole, inner = ''] of text.matchAll(HOLE)) {
      if ((PLACEHOLDERS as readonly string[]).includes(inner)) continue;
      if (SECRET.test(inner)) {
        if (mayHoldSecrets) continue;
        return `${field}: ${whole} can't stand here, for every process of the machine can read it; put it into env and let the program read the variable`;
      }
      return `${field}: ${whole} is none of ${PLACEHOLDERS.map((name) => `{{${name}}}`).join(', ')}${mayHoldSecrets ? ' and {{ secrets.NAME }}' : ''}`;
    }
  }
  return undefined;
}

/** The text with its placeholders filled. @param secrets those that `secretsIn` named */
export function fillText(text: string, values: Readonly<Record<Placeholder, string>>, secrets: ReadonlyMap<string, string>): string {
  return text.replaceAll(HOLE, (whole, inner: string) => {
    const secret = SECRET.exec(inner)?.[1];
    if (secret !== undefined) return secrets.get(secret) ?? '';
    return values[inner as Placeholder] ?? whole;
  });
}

/** Names of the secrets that its environment holds. */
export function secretsIn(definition: ServiceDefinition): readonly string[] {
  const names = Object.values(definition.env).flatMap((text) => [...text.matchAll(HOLE)].flatMap(([, inner = '']) => SECRET.exec(inner)?.[1] ?? []));
  return [...new Set(names)];
}

/** The way from a service back to itself by `after`; undefined: there is none. */
export function cycleFrom(name: string, afterOf: (name: string) => readonly string[]): readonly string[] | undefined {
  const walk = (at: string, way: readonly string[]): readonly string[] | undefined => {
    for (const next of afterOf(at)) {
      if (next === name) return [...way, next];
      if (way.includes(next)) continue;
      const found = walk(next, [...way, next]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return walk(name, [name]);
}

/** Rows of the API with files laid over them: an entry with a command is a service of its own, one without changes the one of its name.
 *  @param builtIn names of Studio's own */
export function joinDefinitions(
  rows: readonly { readonly definition: Json; readonly orgId: string }[],
  entries: readonly FileEntry[],
  builtIn: readonly string[],
): Definitions {
  const services = new Map<string, DefinedService>();
  const broken: BrokenService[] = [];
  const required = new Map<string, boolean>();
  for (const { definition, orgId } of rows) {
    const parsed = serviceDefinition.safeParse(definition);
    if (parsed.success) services.set(parsed.data.name, { definition: parsed.data, source: 'api', file: null, orgId });
  }
  for (const { file, value, name } of entries) {
    const given = typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...(name === null ? {} : { name }), ...value } : value;
    const named = (given as { name?: unknown }).name;
    const label = typeof named === 'string' && named.length <= 64 ? named : (name ?? 'unnamed');
    const refuse = (fault: string): number => broken.push({ name: label, file, fault });
    if (builtIn.includes(label)) {
      const override = serviceOverride.pick({ name: true, required: true }).safeParse(given);
      if (!override.success) refuse(`${label} is Studio's own: a file may only say whether it is required`);
      else if (override.data.required !== undefined) required.set(label, override.data.required);
      continue;
    }
    const below = services.get(label);
    const isOverride = below !== undefined && !Object.hasOwn(given as object, 'command');
    const parsed = serviceDefinition.safeParse(isOverride ? { ...below.definition, ...(given as object) } : given);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      refuse(issue === undefined ? 'it is no definition' : `${issue.path.join('.') || 'it'}: ${issueText(issue, given)}`);
    } else if (below?.source === 'file' && !isOverride) refuse(`${label} is defined in ${below.file ?? 'another file'} too; give one of them another name`);
    else services.set(label, { definition: parsed.data, source: 'file', file, orgId: below?.orgId ?? null });
  }
  dropUnusable({ services, broken, builtIn });
  return { services, broken, required };
}

/** What the API let in once may have become unusable (a service it waits for was deleted): it is shown with its fault. */
function dropUnusable({ services, broken, builtIn }: { services: Map<string, DefinedService>; broken: BrokenService[]; builtIn: readonly string[] }): void {
  const all = [...services.keys(), ...builtIn];
  const afterOf = (name: string): readonly string[] => services.get(name)?.definition.after ?? [];
  const faults = [...services].flatMap(([name, { definition, file }]) => {
    const cycle = cycleFrom(name, afterOf);
    const fault = cycle === undefined ? definitionFault(definition, all) : `after: ${cycle.join(' waits for ')}`;
    return fault === undefined ? [] : [{ name, file: file ?? '', fault }];
  });
  for (const fault of faults) {
    services.delete(fault.name);
    broken.push(fault);
  }
}
