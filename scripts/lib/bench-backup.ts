/** Measures backups, logical and physical: a database and files of a size, saved to a folder and restored from it, beside a plain copy of as many bytes to the same disk in the same run. */
import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { ownBytesOf, type Manifest } from '../../src/backup/manifest.ts';
import { rebuildServer } from '../../src/backup/rebuild-server.ts';
import { rebuildFiles } from '../../src/backup/rebuild.ts';
import { createBackupFixture, type BackupFixture } from '../../src/test/backup-fixture.ts';
import { measureAll, type Measure } from './bench-table.ts';

const { values } = parseArgs({
  options: { mib: { type: 'string', default: '1024' }, only: { type: 'string', default: 'database,files' }, json: { type: 'boolean', default: false } },
});
const mib = Number(values.mib);
if (!Number.isSafeInteger(mib) || mib < 1) throw new Error(`--mib takes a whole number from 1, not "${values.mib}"`);
const MIB = 1024 ** 2;

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}

/** Writes the bytes once, then copies them as `cp` and a sync would. */
async function plainCopy({ root }: BackupFixture): Promise<number> {
  const [from, to] = [join(root, 'plain'), join(root, 'copied')];
  const file = await open(from, 'w');
  for (let written = 0; written < mib; written++) await file.write(randomBytes(MIB));
  await file.sync();
  await file.close();
  return seconds(async () => {
    await pipeline(createReadStream(from, { highWaterMark: MIB }), createWriteStream(to));
    const copied = await open(to);
    await copied.sync();
    await copied.close();
  });
}

/** A logical and a physical backup of the same, each in a workspace of its own: they would share content. */
async function measure(what: string, fill: (fixture: BackupFixture) => Promise<void>): Promise<readonly Measure[]> {
  const found: Measure[] = [];
  for (const kind of ['logical', 'physical'] as const) {
    const fixture = await createBackupFixture({ canBePhysical: true });
    try {
      await fill(fixture);
      found.push(...(await measureKind(fixture, what, kind))); // Serial: they would disturb each other.
    } finally {
      await fixture.close();
    }
  }
  return found;
}

async function measureKind(fixture: BackupFixture, what: string, kind: Manifest['kind']): Promise<readonly Measure[]> {
  const { place, signal, progress, root } = fixture;
  const copy = await plainCopy(fixture);
  const startedAt = performance.now();
  const manifest = await fixture.make(undefined, { kind });
  const backup = (performance.now() - startedAt) / 1_000;
  const again = await seconds(() => fixture.make(undefined, { kind }));
  const folder = join(root, 'restored');
  mkdirSync(folder, { mode: 0o711 });
  const restore = await seconds(async () => {
    await rebuildFiles({ place, manifest, key: undefined, signal, progress, root: folder });
    const { server } = await rebuildServer({ place, manifest, key: undefined, signal, progress, folder });
    await server.stop();
  });
  const name = `${what}, ${kind}`;
  return [
    { name: `${name}: backup of ${mib} MiB`, unit: 's', values: [backup], target: '60 for 1024' },
    { name: `${name}: the next one`, unit: 's', values: [again] },
    { name: `${name}: against a plain copy`, unit: '×', values: [backup / copy] },
    { name: `${name}: restored and compared`, unit: 's', values: [restore] },
    { name: `${name}: stored`, unit: 'MiB', values: [(ownBytesOf(manifest) + manifest.files.newBytes) / MIB] },
  ];
}

/** Rows as runs leave them: text that compresses about as JSON does. */
async function fillDatabase({ db }: BackupFixture): Promise<void> {
  for (let part = 0; part < mib; part += 32) {
    await db.database.engine.query(
      `insert into audit (id, org_id, at, actor, action, target, address, details)
       select 'aud_' || $1::text || '_' || n, 'org_1', now(), md5(n::text), 'bench.row', md5((n * 7)::text), '', jsonb_build_object('text', repeat(md5((n * 13)::text), 24))
       from generate_series(1, $2::int) n`,
      [part, Math.round((Math.min(32, mib - part) * MIB) / 940)],
    );
  }
}

async function fillFiles(fixture: BackupFixture): Promise<void> {
  for (let part = 0; part < mib; part += 32) await fixture.addFile(`bench/${part}`, randomBytes(Math.min(32, mib - part) * MIB));
}

await measureAll(
  { database: () => measure('database', fillDatabase), files: () => measure('files', fillFiles) },
  { only: values.only.split(','), json: values.json },
);
