/** Kills a machine again and again whose database has its shadow on a volume, throws its disk away, starts it anew, and judges from outside:
 *  in the synchronous mode each commit that was acknowledged is there again, each time. Knows only what the life said before it died. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { runToEnd } from '../../kernel/child.ts';
import { serversIn } from '../../supervise/postgres-directory.ts';
import { between, randomOf } from './random.ts';

export interface ShadowCampaign {
  readonly kills: number;
  readonly seed: number;
  readonly clients: number;
  /** Longest time between the first commit of a life and its end, ms. */
  readonly longestMs: number;
  readonly onLine: (line: string) => void;
}

export interface ShadowVerdict {
  readonly kills: number;
  readonly acknowledged: number;
  /** Commits whose acknowledgement was under way, and that are there. */
  readonly unacknowledgedKept: number;
  readonly isNetworkLike: boolean;
  readonly slowestStartMs: number;
  readonly faults: readonly string[];
}

/** Without progress for so long a life has failed; a busy machine restores in a minute. */
const START_MS = 300_000;

export const canMount = process.getuid?.() === 0 && existsSync('/usr/bin/bindfs') && existsSync('/dev/fuse');

/** A folder that behaves as a network volume does, where this machine can mount one; else a plain one. */
export async function mountVolume(base: string): Promise<{ readonly path: string; unmount(): Promise<void> }> {
  const [real, path] = [join(base, 'real'), join(base, 'volume')];
  for (const folder of [real, path]) mkdirSync(folder, { recursive: true });
  if (!canMount) return { path, unmount: () => Promise.resolve() };
  const args = ['--force-user=root', '--force-group=root', '--chown-deny', '--chmod-ignore', '--perms=0777', real, path];
  const mount = await runToEnd({ command: '/usr/bin/bindfs', args, timeoutMs: 30_000 });
  if (mount.code !== 0) throw new Error(`bindfs could not mount ${path}: ${mount.lines.join(' ')}`);
  return { path, unmount: async () => void (await runToEnd({ command: '/bin/umount', args: ['-l', path], timeoutMs: 30_000 })) };
}

export async function runShadowCampaign(campaign: ShadowCampaign): Promise<ShadowVerdict> {
  const base = mkdtempSync(join(tmpdir(), 'studio-shadow-chaos-'));
  // PostgreSQL may run as another account, which has to pass.
  chmodSync(base, 0o711);
  const machine = join(base, 'machine');
  mkdirSync(machine);
  const volume = await mountVolume(base);
  const random = randomOf(campaign.seed);
  const verdict = { kills: 0, acknowledged: 0, unacknowledgedKept: 0, isNetworkLike: canMount, slowestStartMs: 0, faults: [] as string[] };
  const acked = new Map<number, number>();
  try {
    for (let kill = 0; kill <= campaign.kills; kill++) {
      // Serial: each life begins with what the one before left.
      const found = await live({
        machine,
        volume: volume.path,
        campaign,
        acked,
        lifeMs: between(random, 0, campaign.longestMs),
        isLast: kill === campaign.kills,
      });
      verdict.slowestStartMs = Math.max(verdict.slowestStartMs, found.startMs);
      verdict.faults.push(...found.faults.map((fault) => `life ${kill + 1}: ${fault}`));
      verdict.unacknowledgedKept += found.beyond;
      verdict.kills = kill;
      campaign.onLine(
        `life ${kill + 1}: ${found.faults.length === 0 ? 'clean' : found.faults.join('; ')}, started in ${Math.round(found.startMs)} ms, ${total(acked)} acknowledged`,
      );
      if (found.faults.length > 0) break;
    }
  } finally {
    killServers(machine);
    await volume.unmount();
    rmSync(base, { recursive: true, force: true });
  }
  return { ...verdict, acknowledged: total(acked) };
}

interface Life {
  readonly machine: string;
  readonly volume: string;
  readonly campaign: ShadowCampaign;
  /** Client to the highest number that was acknowledged; this life adds to it. */
  readonly acked: Map<number, number>;
  readonly lifeMs: number;
  /** Only looks at what is there. */
  readonly isLast: boolean;
}

async function live({ machine, volume, campaign, acked, lifeMs, isLast }: Life): Promise<{ faults: string[]; beyond: number; startMs: number }> {
  const since = performance.now();
  const child = spawn(process.execPath, [join(import.meta.dirname, 'shadow-child.ts'), machine, volume, String(campaign.clients)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2_000)));
  const held = new Map<number, { readonly count: number; readonly max: number }>();
  const ready = Promise.withResolvers<boolean>();
  const first = Promise.withResolvers<boolean>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [word, client, a, b] = line.split(' ');
    if (word === 'have') held.set(Number(client), { count: Number(a), max: Number(b) });
    else if (word === 'ready') ready.resolve(true);
    else if (word === 'ack') {
      acked.set(Number(client), Number(a));
      first.resolve(true);
    }
  });
  const before = new Map(acked);
  const over = new Promise<false>((resolve) => child.once('close', () => resolve(false)));
  try {
    const late = new AbortController();
    const isReady = await Promise.race([ready.promise, over, sleep(START_MS, false, { signal: late.signal })]);
    const startMs = performance.now() - since;
    late.abort();
    if (!isReady) return { faults: [`it did not start: ${errors.trim()}`], beyond: 0, startMs };
    const faults = [...before].flatMap(([client, max]) => judge(client, max, held.get(client)));
    const beyond = [...before].reduce((sum, [client, max]) => sum + Math.max(0, (held.get(client)?.max ?? 0) - max), 0);
    if (isLast || faults.length > 0) return { faults, beyond, startMs };
    if (!(await Promise.race([first.promise, over]))) return { faults: [`it ended before its first commit: ${errors.trim()}`], beyond, startMs };
    await sleep(lifeMs);
    return { faults, beyond, startMs };
  } finally {
    await killAll(child, machine, over);
    rmSync(join(machine, 'local'), { recursive: true, force: true });
  }
}

function judge(client: number, acknowledged: number, held: { readonly count: number; readonly max: number } | undefined): string[] {
  if (held === undefined || held.max < acknowledged) return [`client ${client}: ${acknowledged} was acknowledged, ${held?.max ?? 'nothing'} is there`];
  return held.count === held.max ? [] : [`client ${client}: ${held.count} of ${held.max} rows are there`];
}

/** Everything of the machine at once; what the life had said before it died is still read. */
async function killAll(child: ChildProcess, machine: string, over: Promise<false>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  killServers(machine);
  await over;
  while (killServers(machine) > 0) await sleep(20);
}

function killServers(machine: string): number {
  const found = ['pg', 'pg.restoring'].flatMap((name) => serversIn(join(machine, 'local', name)));
  for (const { pid } of found) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone meanwhile.
    }
  }
  return found.length;
}

function total(acked: ReadonlyMap<number, number>): number {
  return [...acked.values()].reduce((sum, count) => sum + count, 0);
}
