/** The bench of the shadow: what a commit costs when it waits until it is on a volume, beside one that does not, and one without a shadow, on one machine in one run.
 *  The volume is a mount that behaves as a network volume does, where this machine can make one; its speed is that of this disk and FUSE. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { mountVolume } from '../../src/test/chaos/shadow-campaign.ts';
import { createShadowRig, type Running } from '../../src/test/shadow-rig.ts';
import { measureAll, type Measure } from './bench-table.ts';

const { values: options } = parseArgs({
  options: { commits: { type: 'string', default: '500' }, clients: { type: 'string', default: '1,8' }, json: { type: 'boolean', default: false } },
});
const commits = Number(options.commits);
const clients = options.clients.split(',').map(Number);

interface Setting {
  readonly name: string;
  readonly start: Parameters<Awaited<ReturnType<typeof createShadowRig>>['start']>[0];
}

const SETTINGS: readonly Setting[] = [
  { name: 'direct, without a shadow', start: { plan: 'direct' } },
  { name: 'shadow, async', start: { plan: 'shadow', mode: 'async' } },
  { name: 'shadow, sync', start: { plan: 'shadow', mode: 'sync' } },
];

/** Median time of one commit, ms, with so many clients at once. */
async function timeCommits({ server }: Running, count: number): Promise<number> {
  const times: number[] = [];
  await Promise.all(
    Array.from({ length: count }, async () => {
      const client = new pg.Client({ host: server.socketDir, port: server.port, user: server.superuser, password: 'throwaway', database: 'postgres' });
      await client.connect();
      for (let n = 0; n < commits / count; n++) {
        const since = performance.now();
        await client.query('insert into measured values ($1)', ['x'.repeat(200)]); // Serial: each is timed.
        times.push(performance.now() - since);
      }
      await client.end();
    }),
  );
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

async function measureCommits(): Promise<readonly Measure[]> {
  const medians = new Map<string, number>();
  for (const { name, start } of SETTINGS) {
    const base = mkdtempSync(join(tmpdir(), 'studio-bench-shadow-'));
    chmodSync(base, 0o711);
    const machine = join(base, 'machine');
    mkdirSync(machine);
    const volume = await mountVolume(base);
    const rig = await createShadowRig({ base: machine, ...(start?.plan === 'shadow' && { volume: volume.path }) });
    try {
      const running = await rig.start(start);
      await running.ask('create table measured (filler text)');
      for (const count of clients) medians.set(`${name}, ${count} at once`, await timeCommits(running, count)); // Serial: they would disturb each other.
    } finally {
      await rig.destroy();
      await volume.unmount();
      rmSync(base, { recursive: true, force: true });
    }
  }
  const commit = [...medians].map(([name, median]) => ({ name: `a commit, ${name}`, unit: 'ms', values: [median] }));
  const ratios = clients.map((count) => {
    const of = (name: string): number => medians.get(`${name}, ${count} at once`) ?? Number.NaN;
    return { name: `sync over direct, ${count} at once`, unit: 'times', values: [of('shadow, sync') / of('direct, without a shadow')] };
  });
  return [...commit, ...ratios];
}

await measureAll({ commit: measureCommits }, { only: ['commit'], json: options.json });
process.exit(0);
