/** Looks at machine and configuration for what makes a Studio fail, and says what to do about each. Changes nothing; works with
 *  Studio running or not. */
import type { Config } from '../config/schema.ts';
import { systemClock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { readLimits, type LimitPlaces, type MachineLimits } from '../kernel/machine-limits.ts';
import { describeHolder, findPortHolder } from '../kernel/port-holder.ts';
import { ensureServiceAccount } from '../supervise/account.ts';
import { findHolder } from '../supervise/lock.ts';
import { judgeDirectory } from '../supervise/postgres-directory.ts';
import { locatePostgres } from '../supervise/postgres-binaries.ts';
import { findRedis } from '../supervise/redis.ts';
import { placesOf, probeStorage, type StorageVerdict } from '../supervise/storage.ts';
import { lookAtGpu } from './doctor-gpu.ts';
import { lookAtTraces } from './doctor-traces.ts';
import { lookAtDrops, lookAtKeys, lookAtVolumeClock } from './doctor-workspace.ts';
import { findingHelp } from './help/links.ts';
import { sizeFor, tooLittle } from './sizing.ts';

export interface Finding {
  readonly name: string;
  readonly verdict: 'ok' | 'warning' | 'failure';
  readonly about: string;
  /** What to do; absent when all is well. */
  readonly remedy?: string;
  /** The page that says more; absent when all is well. */
  readonly help?: string;
}

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Every look at once; none can make another fail. */
export async function examine(config: Config, root: string, places: LimitPlaces = {}): Promise<readonly Finding[]> {
  const limits = readLimits(places);
  // One look for all who need it; a fault is told by each.
  const storage = ensureServiceAccount().then((account) => probeStorage({ ...placesOf(config), account }));
  storage.catch(() => undefined);
  const looks: readonly [string, () => Finding | Promise<Finding>][] = [
    ['hardware', () => lookAtHardware(limits)],
    ['pools', () => lookAtPools(config, limits)],
    ['storage', async () => lookAtStorage(config, await storage)],
    ['database directory', async () => lookAtDirectory(config, await storage)],
    ['port', () => lookAtPort(config)],
    ['postgresql', () => lookAtPostgres()],
    ['redis', () => lookAtRedis(config, root)],
    ['open files', () => lookAtFiles(limits)],
    ['gpu', () => lookAtGpu(systemClock)],
    ['clock', () => lookAtClock()],
    ['clock of the volume', () => lookAtVolumeClock(config, () => systemClock.now())],
    ['keys', async () => lookAtKeys(config, await storage)],
    ['drop folder', async () => lookAtDrops(config, await storage)],
    ['traces', () => lookAtTraces(config)],
  ];
  return Promise.all(
    looks.map(([name, look]) =>
      Promise.try(look)
        .catch((error: unknown): Finding => ({ name, verdict: 'failure', about: messageOf(error) }))
        .then(withHelp),
    ),
  );
}

/** Every finding says what to do, and where more stands. */
function withHelp(finding: Finding): Finding {
  if (finding.verdict === 'ok') return finding;
  return { ...finding, remedy: finding.remedy ?? 'Mend what is named, then run doctor again.', help: findingHelp(finding.name) };
}

function lookAtHardware(limits: MachineLimits): Finding {
  const { processors, memoryBytes, tasks, cgroup } = limits;
  const bound = cgroup === null ? 'no control group limits it' : `by control groups of version ${cgroup}`;
  const about = `${processors} CPUs, ${(memoryBytes / GIB).toFixed(1)} GiB of memory, ${tasks ?? 'any number of'} tasks: ${bound}`;
  const remedies = tooLittle(limits).flatMap((one) => (one.of === 'files' ? [] : [one.remedy]));
  return remedies.length === 0 ? { name: 'hardware', verdict: 'ok', about } : { name: 'hardware', verdict: 'warning', about, remedy: remedies.join(' ') };
}

/** What a start here gives to each part. */
function lookAtPools(config: Config, limits: MachineLimits): Finding {
  const { engineConnections, apiConnections, maxConnections, sharedBuffersBytes, redisBytes, slots } = sizeFor(limits);
  const own = config.database.kind === 'embedded' ? `, PostgreSQL ${maxConnections} connections and ${sharedBuffersBytes / MIB} MiB` : '';
  const redis = config.redis.kind === 'embedded' ? `, Redis ${redisBytes / MIB} MiB` : '';
  return {
    name: 'pools',
    verdict: 'ok',
    about: `${engineConnections} + ${apiConnections} connections to the database${own}${redis}, slots for jobs: ${slots}`,
  };
}

function lookAtStorage(config: Config, { facts, plan, banner, reasons }: StorageVerdict): Finding {
  const about = `${config.workspacePath} on ${facts.mountType}, ${(facts.freeBytes / GIB).toFixed(1)} GiB free, fsync ${facts.fsyncMs === null ? 'fails' : `${facts.fsyncMs.toFixed(1)} ms`}, plan ${plan}`;
  if (facts.freeBytes < GIB) return { name: 'storage', verdict: 'failure', about, remedy: 'Less than 1 GiB is free: make room, or use a larger volume.' };
  if (banner !== null) return { name: 'storage', verdict: 'warning', about, remedy: banner };
  if (reasons.length > 0) return { name: 'storage', verdict: 'warning', about, remedy: reasons.join('; ') };
  if (facts.freeBytes < 5 * GIB) return { name: 'storage', verdict: 'warning', about, remedy: 'Models and artifacts need room: 20 GiB or more.' };
  return { name: 'storage', verdict: 'ok', about };
}

function lookAtDirectory(config: Config, { dataDir: path }: StorageVerdict): Finding {
  const name = 'database directory';
  if (config.database.kind === 'managed') return { name, verdict: 'ok', about: `managed at ${new URL(config.database.url).host}` };
  const state = judgeDirectory(path);
  return { name, verdict: 'ok', about: state === 'empty' ? `${path} is made at the first start` : `${path} is a PostgreSQL directory of the right version` };
}

function lookAtPort({ port, workspacePath }: Config): Finding {
  const holder = findPortHolder(port);
  const own = findHolder(workspacePath);
  if (holder === undefined) return { name: 'port', verdict: 'ok', about: `${port} is free` };
  if (own !== undefined && own.port === port) return { name: 'port', verdict: 'ok', about: `${port} is served by this workspace's Studio (pid ${own.pid})` };
  return { name: 'port', verdict: 'failure', about: `${port} is taken by ${describeHolder(holder)}`, remedy: 'Stop it, or set PORT to a free one.' };
}

async function lookAtPostgres(): Promise<Finding> {
  const account = await ensureServiceAccount();
  const { version, postgres } = locatePostgres(account);
  return { name: 'postgresql', verdict: 'ok', about: `${version} at ${postgres}${account === undefined ? '' : `, run as ${account.name}`}` };
}

function lookAtRedis(config: Config, root: string): Finding {
  if (config.redis.kind === 'managed') return { name: 'redis', verdict: 'ok', about: `managed at ${new URL(config.redis.url).host}` };
  const program = findRedis(root);
  if (program !== undefined) return { name: 'redis', verdict: 'ok', about: program };
  return { name: 'redis', verdict: 'warning', about: 'no program found: Studio runs degraded', remedy: 'apt-get install redis-server, or set REDIS_URL.' };
}

function lookAtFiles(limits: MachineLimits): Finding {
  const few = tooLittle(limits).find((one) => one.of === 'files');
  const about = `${limits.openFiles ?? 'any number of'} open files`;
  return few === undefined ? { name: 'open files', verdict: 'ok', about } : { name: 'open files', verdict: 'warning', about, remedy: few.remedy };
}

/** A machine without a set clock dates everything wrong and ends sessions early. */
function lookAtClock(): Finding {
  // Years before the first release: a clock that starts at 1970, or at the board's birth.
  const isSet = systemClock.now() > Date.UTC(2025, 0);
  return isSet
    ? { name: 'clock', verdict: 'ok', about: Intl.DateTimeFormat().resolvedOptions().timeZone }
    : { name: 'clock', verdict: 'failure', about: 'the clock is not set', remedy: 'Set it, or start an NTP service.' };
}
