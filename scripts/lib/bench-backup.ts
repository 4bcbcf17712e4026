/** Measures backups: a database and files of a size, saved to a folder, beside a plain copy of as many bytes to the same disk in the same run. */
import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
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

async function measure(what: string, fill: (fixture: BackupFixture) => Promise<void>): Promise<readonly Measure[]> {
  const fixture = await createBackupFixture();
  try {
    await fill(fixture);
    const copy = await plainCopy(fixture);
    const backup = await seconds(() => fixture.make(undefined));
    const again = await seconds(() => fixture.make(undefined));
    return [
      { name: `${what}: backup of ${mib} MiB`, unit: 's', values: [backup], target: '60 for 1024' },
      { name: `${what}: the next one`, unit: 's', values: [again] },
      { name: `${what}: against a plain copy`, unit: '×', values: [backup / copy] },
    ];
  } finally {
    await fixture.close();
  }
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
