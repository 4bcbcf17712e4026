/** How fast a Studio starts and how much memory it holds at rest. */
import { readFileSync } from 'node:fs';
import { claimStudio, createStudio, processTree } from '../../src/test/studio-process.ts';
import type { Measure } from './bench-table.ts';

export async function measureStarts(runs: number): Promise<readonly Measure[]> {
  const cold: { boot: number[]; ready: number[] } = { boot: [], ready: [] };
  const warm: { boot: number[]; ready: number[] } = { boot: [], ready: [] };
  // Serial: starts share the cores.
  for (let run = 0; run < runs; run++) {
    const studio = await createStudio();
    try {
      const first = await studio.start();
      await studio.stop();
      const second = await studio.start();
      cold.boot.push(first.bootPageMs);
      cold.ready.push(first.readyMs);
      warm.boot.push(second.bootPageMs);
      warm.ready.push(second.readyMs);
    } finally {
      await studio.destroy();
    }
  }
  return [
    { name: 'cold start → boot page', unit: 'ms', values: cold.boot, target: '≤ 300' },
    { name: 'cold start → ready', unit: 'ms', values: cold.ready, target: '≤ 2500', peers: 'n8n 4200, Node-RED 1100, Restate 350; initdb alone 1300' },
    { name: 'warm start → boot page', unit: 'ms', values: warm.boot, target: '≤ 300' },
    { name: 'warm start → ready', unit: 'ms', values: warm.ready, target: '≤ 800', peers: 'PostgreSQL alone 50' },
  ];
}

/** @param seconds of rest before the reading */
export async function measureIdle(runs: number, seconds: number): Promise<readonly Measure[]> {
  const total: number[] = [];
  const own: number[] = [];
  for (let run = 0; run < Math.min(runs, 3); run++) {
    const studio = await createStudio();
    try {
      await studio.start();
      await claimStudio(studio);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      total.push(mebibytes(processTree(studio.pid())));
      own.push(mebibytes([studio.pid()]));
    } finally {
      await studio.destroy();
    }
  }
  return [
    {
      name: `idle memory, whole tree (PSS after ${seconds} s)`,
      unit: 'MiB',
      values: total,
      target: '≤ 180',
      peers: 'n8n 248, Node-RED 53, Restate 268; PostgreSQL alone 35',
    },
    { name: '  of which the Node process', unit: 'MiB', values: own },
  ];
}

function mebibytes(pids: readonly number[]): number {
  const kib = pids.map((pid) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0));
  return kib.reduce((sum, one) => sum + one, 0) / 1024;
}
