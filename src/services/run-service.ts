/** One run of a defined service, from waiting for what it needs to the proof that nothing of it is left. Never starts it again: supervise/service.ts does.
 *  One thing to know: `exited` resolves only when all its processes are gone and its memory is given back, so a next run never meets this one. */
import { mkdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { ServiceDefinition } from '../contract/services.ts';
import type { Lease, Ledger } from '../gpu/tenants.ts';
import { groupMembers } from '../kernel/process-identity.ts';
import { describeExit, killGroup, sendSignal, startChild, type Child, type ExitStatus } from '../kernel/child.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import { freePort } from '../kernel/free-port.ts';
import { Refusal } from '../supervise/refusal.ts';
import { FailedStart, type RunningService, type Say } from '../supervise/service.ts';
import { fillText, secretsIn, type Placeholder } from './definition.ts';
import { waitHealthy, watchHealth, type HealthDefaults } from './health-check.ts';
import { MARK, type Leftovers } from './leftovers.ts';
import type { ServiceLog } from './service-log.ts';
import type { Starts } from './starts.ts';

/** Takes secrets out of bytes as they stream. */
export interface Masker {
  push(chunk: Buffer): Buffer;
  flush(): Buffer;
}

export interface RunParts {
  readonly definition: ServiceDefinition;
  readonly workspacePath: string;
  readonly clock: Clock;
  readonly log: ServiceLog;
  readonly starts: Starts;
  readonly defaults: HealthDefaults;
  readonly leftovers: Leftovers;
  readonly ledger?: Ledger | undefined;
  /** @throws AppError when it can't be opened */
  readonly readSecret: (name: string) => Promise<string | undefined>;
  readonly createMasker: (secrets: readonly string[]) => Masker;
  /** Resolves when everything in `after` runs. */
  readonly waitForOthers: (signal: AbortSignal, say: Say) => Promise<void>;
  /** It gives its memory up to who waits for it. */
  readonly isEvictable: boolean;
}

export interface ServiceRun extends RunningService {
  readonly port: number;
  readonly lease: Lease | undefined;
}

/** The program and its arguments are of the machine, so are the places programs stand in. Nothing of Studio's own environment is inherited. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/cuda/bin';

/** How often it is looked whether they are gone. */
const ASK_MS = 25;

/** @throws Error naming what is missing or what failed; nothing is left running then */
export async function runService(parts: RunParts, signal: AbortSignal, say: Say): Promise<ServiceRun> {
  await parts.waitForOthers(signal, say);
  const lease = await acquireLease(parts, signal, say);
  let leave = (): void => undefined;
  try {
    leave = await parts.starts.enter(signal, (ahead) =>
      say('waiting', `for a place among the services that start: ${ahead} before it (MAX_CONCURRENT_STARTS)`),
    );
    say('starting');
    return await startAndWatch(parts, { lease, signal, say });
  } catch (error) {
    if (lease !== undefined) await parts.ledger?.release(lease.id);
    throw error;
  } finally {
    leave();
  }
}

async function acquireLease({ definition, ledger, clock, isEvictable }: RunParts, signal: AbortSignal, say: Say): Promise<Lease | undefined> {
  const { gpus, vramBytes, cpu, memoryBytes, priority } = definition.resources;
  if ((gpus === 0 && vramBytes === 0) || ledger === undefined) return undefined;
  const request = {
    id: `service:${definition.name}`,
    kind: 'service',
    orgId: null,
    gpus,
    vramBytes,
    cpu,
    memoryBytes,
    priority,
    queuedAtMs: clock.now(),
    isPreemptible: false,
    isPinned: !isEvictable,
  } as const;
  try {
    return await ledger.acquire(request, { signal, onWait: (reason) => say('waiting', reason.message) });
  } catch (error) {
    // No other try will find a larger machine.
    if (error instanceof AppError && error.code === 'unsatisfiable') throw new Refusal('config', error.message, { cause: error });
    throw error;
  }
}

interface Starting {
  readonly lease: Lease | undefined;
  readonly signal: AbortSignal;
  readonly say: Say;
}

async function startAndWatch(parts: RunParts, { lease, signal, say }: Starting): Promise<ServiceRun> {
  const { definition, clock, log, leftovers, ledger } = parts;
  const port = definition.port ?? (await freePort());
  const secrets = await readSecrets(parts);
  const child = await spawnService(parts, { port, secrets, lease });
  await leftovers.record(definition.name, child.identity);
  if (lease !== undefined) await ledger?.recordProcess(lease.id, child.identity);
  await log.note(`${new Date(clock.now()).toISOString()} started: pid ${child.pid}, port ${port}`);
  const over = new AbortController();
  const exited = child.exited.then(async (status) => {
    over.abort();
    if (groupMembers(child.pid).length > 0) await killGroup(child.pid, clock);
    await leftovers.clear(definition.name);
    if (lease !== undefined) await ledger?.release(lease.id);
    await log.note(`${new Date(clock.now()).toISOString()} ended: ${describeExit(status)}`);
    await log.close();
    return status;
  });
  const stop = (): Promise<ExitStatus> => askGroup(child, definition, clock).then(() => exited);
  const watched = { name: definition.name, health: definition.health, port, child, clock, say };
  try {
    await waitHealthy({ ...watched, signal, defaults: parts.defaults });
  } catch (error) {
    await log.note(messageOf(error));
    throw new FailedStart(messageOf(error), { status: await stop(), lines: child.lines(), cause: error });
  }
  void watchHealth({
    ...watched,
    signal: over.signal,
    restart: (why) => void log.note(`${why}; restarting`).then(stop),
  });
  return { pid: child.pid, port, lease, exited, lines: child.lines, stop };
}

/** All its processes are asked: of a shell that started the program, the shell alone would listen. Who is there after the grace is killed. */
async function askGroup(child: Child, { stopSignal, stopGraceMs }: ServiceDefinition, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + stopGraceMs;
  for (const member of groupMembers(child.pid)) sendSignal(member, stopSignal);
  while (groupMembers(child.pid).length > 0 && clock.monotonic() < deadline) await clock.sleep(ASK_MS);
  await child.stop({ graceMs: 0 });
}

async function spawnService(
  parts: RunParts,
  { port, secrets, lease }: { readonly port: number; readonly secrets: ReadonlyMap<string, string>; readonly lease: Lease | undefined },
): Promise<Child> {
  const { definition, workspacePath, log, clock } = parts;
  const folder = join(workspacePath, 'services', definition.name);
  await mkdir(folder, { recursive: true });
  const values: Record<Placeholder, string> = { port: String(port), base: `/services/${definition.name}/`, folder, workspace: workspacePath };
  const fill = (text: string): string => fillText(text, values, secrets);
  const [command = '', ...args] = definition.command.map(fill);
  const cwd = definition.cwd === undefined ? folder : fill(definition.cwd);
  const masker = parts.createMasker([...secrets.values()]);
  const child = await startChild(
    {
      command,
      args,
      cwd: isAbsolute(cwd) ? cwd : join(workspacePath, cwd),
      env: {
        PATH,
        LANG: 'C.UTF-8',
        HOME: folder,
        PYTHONUNBUFFERED: '1',
        // Only what was granted: what is not in the ledger would fill the memory of who is.
        CUDA_VISIBLE_DEVICES: lease === undefined ? '' : lease.devices.map(({ uuid }) => uuid).join(','),
        ...Object.fromEntries(Object.entries(definition.env).map(([name, text]) => [name, fill(text)])),
        PORT: String(port),
        STUDIO_SERVICE: definition.name,
        STUDIO_BASE_PATH: values.base,
        [MARK]: parts.leftovers.markOf(definition.name),
      },
      onChunk: (chunk) => log.write(masker.push(chunk)),
    },
    clock,
  );
  void child.exited.then(() => log.write(masker.flush()));
  return masked(child, [...secrets.values()]);
}

/** Its last lines go into events and the history of its exits. */
function masked(child: Child, secrets: readonly string[]): Child {
  const hidden = secrets.filter((secret) => secret.length >= 4);
  if (hidden.length === 0) return child;
  return { ...child, lines: () => child.lines().map((line) => hidden.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), line)) };
}

async function readSecrets({ definition, readSecret }: RunParts): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const name of secretsIn(definition)) {
    // Serial: a handful.
    const value = await readSecret(name);
    if (value === undefined) throw new Error(`its environment names the secret ${name}, which is not there; set it under Settings, Secrets`);
    found.set(name, value);
  }
  return found;
}
