/** What `studio config explain` prints: each key's value, where it came from, what would change it; each foreign variable's fate.
 *  Secrets are shown by their presence only. Pure. */
import { explainForeign, type ForeignVariable } from './foreign.ts';
import { LIVE_KEYS } from './live.ts';
import type { LoadedConfig } from './load.ts';
import { keys, type Config, type KeyName, type KeySpec } from './schema.ts';
import type { Environment } from './sources.ts';

export interface ExplainedKey {
  readonly key: KeyName;
  readonly env: readonly string[];
  readonly value: string;
  readonly from: string;
  readonly hides: readonly string[];
  readonly change: string;
  readonly about: string;
  /** Takes effect with a reload. */
  readonly isLive: boolean;
}

export interface Explanation {
  readonly mode: Config['mode'];
  readonly reason: string;
  readonly workspacePath: string;
  readonly keys: readonly ExplainedKey[];
  readonly foreign: readonly ForeignVariable[];
  readonly notices: readonly string[];
}

export function explainConfig(loaded: LoadedConfig, env: Environment): Explanation {
  return {
    mode: loaded.config.mode,
    reason: loaded.decision.reason,
    workspacePath: loaded.config.workspacePath,
    keys: (Object.entries(keys) as [KeyName, KeySpec][]).map(([name, spec]) => explainKey(name, spec, loaded)),
    foreign: explainForeign(env),
    notices: loaded.notices,
  };
}

function explainKey(name: KeyName, spec: KeySpec, { config, origins }: LoadedConfig): ExplainedKey {
  const origin = origins.get(name);
  const value = name === 'databaseUrl' || name === 'redisUrl' ? undefined : config[name as keyof Config];
  return {
    key: name,
    env: spec.env,
    value: spec.isSecret === true ? secretState(origin?.winner !== undefined, spec) : show(value, spec),
    from: origin?.winner?.origin ?? 'default',
    hides: origin?.hidden.map((found) => found.origin) ?? [],
    change: origin?.winner?.source === 'environment' ? `the environment wins: change ${origin.winner.name} there and restart` : wayOf(name, spec),
    about: spec.about,
    isLive: (LIVE_KEYS as readonly KeyName[]).includes(name),
  };
}

function wayOf(name: KeyName, spec: KeySpec): string {
  return (LIVE_KEYS as readonly KeyName[]).includes(name) ? `set ${spec.env[0]}, then studio reload` : `set ${spec.env[0]} and restart`;
}

function secretState(isSet: boolean, spec: KeySpec): string {
  return isSet ? '(set)' : spec.isGenerated === true ? '(generated at the first start)' : `(${spec.fallbackText ?? 'not set'})`;
}

function show(value: unknown, spec: KeySpec): string {
  if (Array.isArray(value)) return value.length === 0 ? (spec.fallbackText ?? 'none') : value.join(',');
  return value === undefined ? (spec.fallbackText ?? 'not set') : String(value);
}

/** One row a key, for the README: `| variable | default | meaning |`. */
export function describeKeys(): readonly { readonly names: readonly string[]; readonly fallback: string; readonly kind: string; readonly about: string }[] {
  return Object.values(keys as Record<string, KeySpec>).map((spec) => ({
    names: spec.env,
    fallback: spec.fallbackText ?? (spec.fallback === undefined ? 'none' : String(spec.fallback)),
    kind: spec.kind.label,
    about: spec.about,
  }));
}
