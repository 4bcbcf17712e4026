/** The configuration read again while Studio runs. Keys that can change under it are changed in the one object that all parts read from; the others are named,
 *  for a restart. A configuration that would be refused at a start changes nothing. Reads no file itself. */
import { ConfigRefusal, type LoadedConfig } from './load.ts';
import { keys, type CompleteConfig, type Config, type KeyName, type KeySpec } from './schema.ts';

/** Whoever uses these reads them anew each time, or hears of a change. */
export const LIVE_KEYS = [
  ...(['debug', 'logLevel', 'corsOrigins', 'allowedHosts', 'requestTimeoutS', 'gracefulTimeoutS', 'stopJobs'] as const),
  ...(['proxyFixEnabled', 'proxyFixFor', 'proxyFixProto', 'proxyFixHost', 'proxyFixPort', 'proxyFixPrefix'] as const),
  ...(['tlsCertFile', 'tlsKeyFile', 'tlsCaFile'] as const),
  ...(['runRetentionDays', 'runDataBudgetBytes', 'runDataOverBudget', 'tunnelDomains', 'logFileMaxBytes', 'logFileKeep', 'services'] as const),
] as const satisfies readonly KeyName[];
export type LiveKey = (typeof LIVE_KEYS)[number];

/** What one reading came to. Names are those of the environment. */
export interface Reload {
  readonly at: string;
  readonly applied: readonly string[];
  /** Set otherwise than what this process runs with. */
  readonly needsRestart: readonly string[];
  /** Why nothing was changed. */
  readonly faults: readonly string[];
}

export interface LiveConfig {
  /** Runs after a reading that changed one of `names`. */
  onChange(names: readonly LiveKey[], listener: () => void): void;
  /** @throws only what is no refusal of the configuration */
  reload(): Promise<Reload>;
  last(): Reload | undefined;
  /** The newest reading that could be used. */
  loaded(): LoadedConfig;
}

export interface LiveParts {
  /** What this process runs with: changed in place, as is that of `loaded`, which the first parts hold. */
  readonly config: CompleteConfig;
  /** The reading of the start. */
  readonly loaded: LoadedConfig;
  /** Reads all sources as the start did. */
  readonly load: () => Promise<LoadedConfig>;
  readonly now: () => Date;
}

export function createLiveConfig({ config, loaded, load, now }: LiveParts): LiveConfig {
  const listeners: { readonly names: readonly LiveKey[]; readonly listener: () => void }[] = [];
  let last: Reload | undefined;
  let newest = loaded;

  async function read(): Promise<Reload> {
    const at = now().toISOString();
    try {
      newest = await load();
    } catch (error) {
      if (!(error instanceof ConfigRefusal)) throw error;
      return { at, applied: [], needsRestart: [], faults: error.faults };
    }
    const fresh = newest.config;
    const changed = (Object.keys(keys) as KeyName[]).filter((name) => isChanged(name, config, fresh));
    const applied = changed.filter((name): name is LiveKey => isLive(name, config, fresh));
    const values = Object.fromEntries(applied.map((name) => [name, fresh[name]]));
    for (const target of [config, loaded.config]) Object.assign(target, values);
    for (const { names, listener } of listeners) if (names.some((name) => applied.includes(name))) listener();
    const rest = changed.filter((name) => !(applied as readonly KeyName[]).includes(name));
    return { at, applied: applied.map(nameOf), needsRestart: rest.map(nameOf), faults: [] };
  }

  return {
    onChange: (names, listener) => void listeners.push({ names, listener }),
    async reload() {
      return (last = await read());
    },
    last: () => last,
    loaded: () => newest,
  };
}

function nameOf(name: KeyName): string {
  return keys[name].env[0];
}

/** A secret that was made here is not in any source before it is kept. */
function isChanged(name: KeyName, before: Config, after: Config): boolean {
  const spec: KeySpec = keys[name];
  if (spec.isGenerated === true && after[name] === undefined) return false;
  return JSON.stringify(before[name]) !== JSON.stringify(after[name]);
}

/** A port that speaks HTTP does not begin to speak TLS, nor the other way round. */
function isLive(name: KeyName, before: Config, after: Config): boolean {
  if (!(LIVE_KEYS as readonly KeyName[]).includes(name)) return false;
  return !name.startsWith('tls') || (before.tlsCertFile !== undefined && after.tlsCertFile !== undefined);
}
