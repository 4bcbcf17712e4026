/** From the sources to one checked Config. Collects every fault before it refuses, so that one start names them all.
 *  Writes nothing but, in `completeConfig`, the generated values. The mode (embedded or managed) is decided here and nowhere else. */
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { messageOf } from '../kernel/fail.ts';
import { findPortHolder, type PortHolder } from '../kernel/port-holder.ts';
import { readConfigFile, flattenConfig, type FileValues } from './config-file.ts';
import { appendEnvFile, envFilePath, generateSecret, readEnvFile } from './env-file.ts';
import { decideDatabase, isLocal, type DatabaseDecision } from './mode.ts';
import { textFault, textFaultMessages } from './parse.ts';
import { keys, type CompleteConfig, type Config, type FileConfig, type KeyName, type KeySpec, type Values } from './schema.ts';
import { findTexts, type Environment, type Found, type Sources } from './sources.ts';
import { unknownVariables } from './unknown.ts';
import { weaknessOf } from './weak-secrets.ts';

/** Start is refused: one line a fault, each with the name, what is wrong and the next step. */
export class ConfigRefusal extends Error {
  override readonly name = 'ConfigRefusal';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

/** How one key got its value. */
export interface Origin {
  /** Undefined: the default. */
  readonly winner: Found | undefined;
  /** Weaker texts that the winner hides. */
  readonly hidden: readonly Found[];
}

export interface LoadOptions {
  readonly env: Environment;
  /** studio.config.ts, imported with the program. */
  readonly file?: FileConfig;
  /** --config FILE: instead of it. */
  readonly filePath?: string | undefined;
  /** How log lines look where LOG_FORMAT is not set: for people, or for programs. */
  readonly prettyByDefault?: boolean;
  /** Files that are modules are read anew, not from what is loaded. */
  readonly isAgain?: boolean;
  /** Who listens on a port of this machine. Default: from /proc. */
  readonly findHolder?: (port: number) => PortHolder | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly origins: ReadonlyMap<KeyName, Origin>;
  /** What was set aside, and why; printed once at start. */
  readonly notices: readonly string[];
  readonly decision: DatabaseDecision;
}

/** Variables that a managed deployment must bring: nothing is made up beside a database that others may share. */
const MANAGED_NEEDS = ['databaseUrl', 'redisUrl', 'jwtSecretKey', 'workerSharedSecret'] as const satisfies readonly KeyName[];

/** Stands for a workspace that can't be told: nothing is there, and the start is refused. */
const NOWHERE = '/nonexistent';

const MIN_KEY_BYTES = 32;

/** @throws ConfigRefusal with every fault there is */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const notices: string[] = [];
  const faults: string[] = [];
  const file = await readFile(options, faults);
  notices.push(...(file?.notices ?? []));
  const workspacePath = chooseWorkspace({ env: options.env, envFile: {}, envFilePath: '', file }, notices, faults);
  const sources: Sources = { env: options.env, envFile: readOwnEnv(workspacePath, faults), envFilePath: envFilePath(workspacePath), file };
  const origins = new Map<KeyName, Origin>();
  const readings = new Map<KeyName, Reading>();
  for (const name of Object.keys(keys) as KeyName[]) {
    const reading = readKey(name, sources);
    readings.set(name, reading);
    origins.set(name, reading.origin);
  }
  const values = Object.fromEntries([...readings].map(([name, reading]) => [name, reading.value])) as Values;
  const decision = decideDatabase(values, options.findHolder ?? findPortHolder);
  const isRedisManaged = values.redisUrl !== undefined && values.redisUrl !== 'embedded' && !isOwnRedis(values.redisUrl, options.findHolder ?? findPortHolder);
  // A URL that can't be read is no reason to start another database silently: it counts as managed.
  const isManaged =
    decision.database.kind === 'managed' || isRedisManaged || values.strictEnv || isBroken(readings.get('databaseUrl')) || isBroken(readings.get('redisUrl'));
  collectFaults(readings, isManaged, faults, notices);
  checkTogether(values, faults);
  if (values.role === 'worker') checkWorker(values, decision, faults);
  if (values.env === 'production') checkSecrets(values, faults);
  else checkKeyLengths(values, faults);
  if (faults.length > 0) throw new ConfigRefusal(faults);
  return {
    config: toConfig(values, { sharedPath: workspacePath, decision, isManaged, isRedisManaged, isPretty: options.prettyByDefault === true }),
    origins,
    notices: [...notices, ...decision.notices, ...unknownVariables(options.env, sources.envFile, sources.envFilePath)],
    decision,
  };
}

/** Generates what is missing and keeps it in the workspace's .env. Call it under the workspace's lock. */
export function completeConfig(config: Config): CompleteConfig {
  // Another start may have written it between loading and locking.
  const present = readEnvFile(config.workspacePath);
  const made: Partial<Record<KeyName, string>> = {};
  const fresh: { name: string; value: string; about: string }[] = [];
  for (const [name, spec] of Object.entries(keys) as [KeyName, KeySpec][]) {
    if (spec.isGenerated !== true || config[name as keyof Config] !== undefined) continue;
    const kept = present[spec.env[0]];
    const value = kept ?? (name === 'workspaceId' ? generateSecret().slice(0, 12) : generateSecret());
    made[name] = value;
    if (kept === undefined) fresh.push({ name: spec.env[0], value, about: spec.about });
  }
  appendEnvFile(config.workspacePath, fresh);
  return { ...config, ...made } as CompleteConfig;
}

interface Reading {
  readonly value: unknown;
  readonly origin: Origin;
  /** Of the winner's text. */
  readonly fault?: { readonly kind: 'empty' | 'quoted' | 'unexpanded' | 'invalid'; readonly message: string };
}

/** An empty text loses against a weaker source that has one: templates leave empty variables behind. */
function readKey(name: KeyName, sources: Sources): Reading {
  const found = findTexts(name, sources);
  const [first] = found;
  const spec: KeySpec = keys[name];
  if (first === undefined) return { value: spec.fallback, origin: { winner: undefined, hidden: [] } };
  const fault = textFault(first.text);
  if (fault !== undefined) {
    const next = found.slice(1).find((one) => textFault(one.text) === undefined);
    const value = next === undefined ? spec.fallback : parseOr(spec, next.text);
    return {
      value,
      origin: { winner: next, hidden: found.filter((one) => one !== next) },
      fault: { kind: fault, message: `${first.origin} ${textFaultMessages[fault]}.` },
    };
  }
  try {
    return { value: spec.kind.parse(first.text), origin: { winner: first, hidden: found.slice(1) } };
  } catch (error) {
    return {
      value: spec.fallback,
      origin: { winner: first, hidden: found.slice(1) },
      fault: { kind: 'invalid', message: `${first.origin} ${messageOf(error)}.` },
    };
  }
}

function parseOr(spec: KeySpec, text: string): unknown {
  try {
    return spec.kind.parse(text);
  } catch {
    return spec.fallback;
  }
}

function isBroken(reading: Reading | undefined): boolean {
  return reading?.fault !== undefined && reading.fault.kind !== 'empty';
}

/** Embedded: what is not usable text is as if not set, with a notice, for everything can be generated. Managed: each is a fault. */
function collectFaults(readings: ReadonlyMap<KeyName, Reading>, isManaged: boolean, faults: string[], notices: string[]): void {
  for (const [name, { fault, value }] of readings) {
    const needed = isManaged && (MANAGED_NEEDS as readonly KeyName[]).includes(name);
    const isFatal = name === 'workspacePath' && fault !== undefined && fault.kind !== 'empty';
    if (fault?.kind === 'invalid' || (isFatal && fault !== undefined)) faults.push(fault.message);
    else if (fault?.kind === 'quoted' || (fault?.kind === 'unexpanded' && isManaged) || (fault !== undefined && needed)) faults.push(fault.message);
    else if (fault !== undefined) notices.push(`${fault.message.replace(/; .*$/, '')}: treated as not set.`);
    else if (needed && value === undefined) faults.push(`Missing required environment variable: ${keys[name].env[0]}. ${missingRemedy(name)}`);
  }
}

function missingRemedy(name: KeyName): string {
  if (name === 'databaseUrl') return 'Set it to your PostgreSQL, or to the word embedded to use the one Studio brings.';
  if (name === 'redisUrl') return 'Set it to your Redis, or to the word embedded to use the one Studio brings.';
  return 'Make one with: openssl rand -hex 32';
}

function checkTogether(values: Values, faults: string[]): void {
  const pairs = [
    ['adminEmail', 'adminPassword'],
    ['tlsCertFile', 'tlsKeyFile'],
    ['googleClientId', 'googleClientSecret'],
    ['githubClientId', 'githubClientSecret'],
  ] as const;
  for (const [one, other] of pairs) {
    if ((values[one] === undefined) === (values[other] === undefined)) continue;
    const [present, absent] = values[one] === undefined ? [other, one] : [one, other];
    faults.push(`${keys[present].env[0]} is set but ${keys[absent].env[0]} is not; set both or neither.`);
  }
  if (values.adminEmail !== undefined && !/^[^\s@]+@[^\s@]+$/.test(values.adminEmail))
    faults.push(`ADMIN_EMAIL is ${JSON.stringify(values.adminEmail)}, which is no mail address.`);
}

/** A worker holds nothing of its own: what it works on is another Studio's, and so are the keys to it. */
function checkWorker(values: Values, decision: DatabaseDecision, faults: string[]): void {
  if (decision.database.kind === 'embedded' && !values.databaseUrl?.startsWith('postgres'))
    faults.push('STUDIO_ROLE=worker needs DATABASE_URL: the PostgreSQL of the Studio that it works for. An embedded one can not be shared.');
  else if (decision.database.kind === 'embedded') faults.push(`STUDIO_ROLE=worker: ${decision.reason}. Name the PostgreSQL of the Studio that it works for.`);
  if (values.credentialEncryptionKey === undefined)
    faults.push(
      'STUDIO_ROLE=worker needs CREDENTIAL_ENCRYPTION_KEY: that of the Studio that it works for. It stands in the .env of its workspace, or set it for both.',
    );
}

/** Everywhere: a shorter key could be tried out, and the parts that use it refuse it later and less clearly. */
function checkKeyLengths(values: Values, faults: string[]): void {
  for (const name of ['jwtSecretKey', 'credentialEncryptionKey'] as const) {
    const bytes = Buffer.byteLength(values[name] ?? '');
    if (bytes > 0 && bytes < MIN_KEY_BYTES)
      faults.push(`${keys[name].env[0]} has ${bytes} bytes; it needs ${MIN_KEY_BYTES} (256 bits). Make one with: openssl rand -hex 32`);
  }
}

function checkSecrets(values: Values, faults: string[]): void {
  for (const name of ['jwtSecretKey', 'workerSharedSecret', 'credentialEncryptionKey', 'postgresPassword', 'adminPassword'] as const) {
    const value = values[name];
    const weakness = value === undefined ? undefined : weaknessOf(value, { needs256Bits: name !== 'postgresPassword' && name !== 'adminPassword' });
    if (weakness !== undefined) faults.push(`${keys[name].env[0]} ${weakness}; ENV=production refuses it. Make one with: openssl rand -hex 32`);
  }
}

function toConfig(
  values: Values,
  made: {
    readonly sharedPath: string;
    readonly decision: DatabaseDecision;
    readonly isManaged: boolean;
    readonly isRedisManaged: boolean;
    readonly isPretty: boolean;
  },
): Config {
  const isExternal = made.decision.database.kind === 'managed';
  const isWorker = values.role === 'worker';
  return {
    ...values,
    mode: made.isManaged ? 'managed' : 'embedded',
    database: made.decision.database,
    redis: made.isRedisManaged && values.redisUrl !== undefined ? { kind: 'managed', url: values.redisUrl } : { kind: 'embedded' },
    workspacePath: isWorker ? join(made.sharedPath, 'workers', values.workerName ?? hostname().replaceAll(/[^A-Za-z0-9._-]/g, '-')) : made.sharedPath,
    sharedPath: made.sharedPath,
    // A worker never changes the schema: the Studio that it works for does.
    createTables: !isWorker && (values.createTables ?? !(isExternal && values.env === 'production')),
    logLevel: values.logLevel ?? (values.debug ? 'debug' : 'info'),
    logFormat: values.logFormat ?? (made.isPretty ? 'pretty' : 'json'),
  };
}

/** A Redis URL on this machine with nothing behind it is the embedded one, as with DATABASE_URL; Studio's own has no TCP port. */
function isOwnRedis(url: string, findHolder: (port: number) => PortHolder | undefined): boolean {
  const parsed = new URL(url);
  return parsed.protocol !== 'unix:' && isLocal(parsed.hostname) && findHolder(Number(parsed.port || 6379)) === undefined;
}

async function readFile(options: LoadOptions, faults: string[]): Promise<FileValues | undefined> {
  const path = options.filePath ?? options.env['OPENHANDS_CONFIG'];
  try {
    if (path !== undefined) return await readConfigFile(path, options.isAgain === true);
    return options.file === undefined ? undefined : flattenConfig('studio.config.ts', options.file);
  } catch (error) {
    faults.push(messageOf(error));
    return undefined;
  }
}

function readOwnEnv(workspacePath: string, faults: string[]): Environment {
  try {
    return readEnvFile(workspacePath);
  } catch (error) {
    faults.push(`${envFilePath(workspacePath)} can't be read (${messageOf(error)}); run Studio as its owner.`);
    return {};
  }
}

/** WORKSPACE_PATH as given, or /workspace where that can be written, else the user's own folder. */
function chooseWorkspace(sources: Sources, notices: string[], faults: string[]): string {
  const given = readKey('workspacePath', sources);
  // Told by collectFaults; nothing is made elsewhere for a path that was meant and can't be read.
  if (given.fault !== undefined && given.fault.kind !== 'empty') return NOWHERE;
  if (typeof given.value === 'string') {
    const problem = unusable(given.value);
    if (problem !== undefined) faults.push(`WORKSPACE_PATH ${given.value} can't be used: ${problem}. Make it and give this user the right to write there.`);
    return given.value;
  }
  if (unusable('/workspace') === undefined) return '/workspace';
  const own = `${sources.env['XDG_DATA_HOME'] ?? `${homedir()}/.local/share`}/studio`;
  const problem = unusable(own);
  if (problem === undefined) notices.push(`/workspace can't be written by this user: using ${own}. Set WORKSPACE_PATH to choose another.`);
  else faults.push(`Neither /workspace nor ${own} can be written (${problem}). Set WORKSPACE_PATH to a folder that can.`);
  return own;
}

function unusable(path: string): string | undefined {
  try {
    makeFolders(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Part by part: Node's own recursive mkdir never ends below /proc, where a folder that exists takes no new one. */
function makeFolders(path: string): void {
  if (existsSync(path)) return;
  makeFolders(dirname(path));
  mkdirSync(path);
}
