/** The bench of the engine: what it does through the public API and inside a process, beside what the same PostgreSQL does bare in the same run.
 *  Options: --runs 5, --quick (few runs, no growth), --full (also a million finished instances), --only PARTS, --profile FOLDER, --json */
import { parseArgs } from 'node:util';
import { createFloor, type Floor } from './bench-engine-floor.ts';
import { measureFinished, measureLive, measureMemory, measureNodes, measureOutputs } from './bench-engine-growth.ts';
import { measureInside } from './bench-engine-inside.ts';
import { createRig, type Rig } from './bench-engine-rig.ts';
import { measureAlone, measureBatch, measureFan, measurePickUp } from './bench-engine-work.ts';
import { tableOf, type Measure } from './bench-table.ts';

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string' },
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    only: { type: 'string' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const runs = Number(options.runs ?? (options.quick ? '2' : '5'));
const samples = options.quick ? 30 : 100;

async function measureFloor(_rig: Rig, floor: Floor): Promise<readonly Measure[]> {
  const at = async (connections: number): Promise<Measure> => {
    const values: number[] = [];
    for (let run = 0; run < runs; run++) values.push(await floor.rate(connections, 1_000));
    return { name: `bare commits on ${connections} connection${connections === 1 ? '' : 's'}`, unit: '/s', values };
  };
  return [await at(1), await at(8), await at(32)];
}

/** In this order: what fills the tables comes last. */
const parts: Readonly<Record<string, (rig: Rig, floor: Floor) => Promise<readonly Measure[]>>> = {
  floor: measureFloor,
  alone: (rig, floor) => measureAlone(rig, floor, runs, samples),
  batch: (rig, floor) => measureBatch(rig, floor, runs, 2_000),
  fan: (rig, floor) => measureFan(rig, floor, runs, 1_000),
  pickup: (rig, floor) => measurePickUp(rig, floor, samples),
  inside: () => measureInside(runs, 2_000),
  memory: (rig) => measureMemory(rig, options.quick ? 4_000 : 10_000),
  nodes: (rig, floor) => measureNodes(rig, floor, options.quick ? [10, 100] : [10, 100, 1_000, 2_000]),
  outputs: (rig, floor) => measureOutputs(rig, floor, options.quick ? [1, 64] : [1, 16, 64, 256, 1_024]),
  live: (rig, floor) => measureLive(rig, floor, options.quick ? [1, 1_000] : [1, 100, 1_000, 10_000]),
  finished: (rig, floor) =>
    measureFinished(rig, floor, options.full ? [100, 1_000, 10_000, 100_000, 1_000_000] : options.quick ? [1_000] : [100, 1_000, 10_000]),
};

const measures: Measure[] = [];
const rig = await createRig({ profile: options.profile });
try {
  const floor = await createFloor(rig);
  for (const name of options.only?.split(',') ?? Object.keys(parts)) {
    const part = parts[name];
    if (part === undefined) throw new Error(`--only takes ${Object.keys(parts).join(', ')}; "${name}" is none of them`);
    process.stderr.write(`${name} …\n`);
    // Serial: they would disturb each other.
    measures.push(...(await part(rig, floor)));
  }
  await floor.close();
} finally {
  await rig.close();
}
process.stdout.write(options.json ? `${JSON.stringify(measures, null, 2)}\n` : tableOf(measures));
process.exit(0);
