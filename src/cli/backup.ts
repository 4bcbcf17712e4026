/** `studio backup create|list|verify|restore|prune|export`: through the running Studio where one runs, else on the workspace's database itself.
 *  Restoring is done here alone: it has to work when Studio can't start. */
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { pipeline } from 'node:stream/promises';
import { openPlace } from '../backup/open-place.ts';
import { keyOf } from '../backup/crypt.ts';
import { readManifest } from '../backup/manifest.ts';
import { exportBackup } from '../backup/single-file.ts';
import type { Backup } from '../contract/backups.ts';
import { print, printJson, readArguments, readConfig, type Command } from './command.ts';
import { connectBackups } from './backup-door.ts';
import { restore, type BackupValues } from './backup-restore.ts';
import { size } from './progress-line.ts';

const USAGE = `studio backup create [--physical] [--passphrase-file F] [--no-verify]
studio backup list [--from TARGET] [--json]
studio backup verify ID [--passphrase-file F]
studio backup restore ID|latest|FILE.tar [--from TARGET] [--passphrase-file F] [--dry-run] [--without-secrets] [--database-only]
studio backup restore --undo
studio backup prune [--dry-run]
studio backup export ID FILE.tar [--passphrase-file F]
--physical copies the files of the embedded PostgreSQL as they are: nothing is built anew, and it restores onto the same major version alone.
TARGET is an absolute folder or s3://bucket/prefix; else BACKUP_TARGET counts. A passphrase comes from the file, or from BACKUP_PASSPHRASE.
`;

type Verb = (values: BackupValues, args: readonly string[]) => Promise<number>;

export const backup: Command = async (args) => {
  const { values, positionals } = readArguments(args, {
    'passphrase-file': { type: 'string' },
    from: { type: 'string' },
    json: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
    'no-verify': { type: 'boolean' },
    'without-secrets': { type: 'boolean' },
    'database-only': { type: 'boolean' },
    undo: { type: 'boolean' },
    physical: { type: 'boolean' },
  });
  const [verb = '', ...rest] = positionals;
  const run = VERBS[verb];
  if (run === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const loaded = await readConfig(values.config);
  const file = values['passphrase-file'];
  return run(
    {
      loaded,
      configFile: values.config,
      passphrase: file === undefined ? loaded.config.backupPassphrase : readFileSync(file === '-' ? 0 : file, 'utf8').trim(),
      from: values.from,
      json: values.json === true,
      isDryRun: values['dry-run'] === true,
      isVerified: values['no-verify'] !== true,
      withoutSecrets: values['without-secrets'] === true,
      isDatabaseOnly: values['database-only'] === true,
      isUndo: values.undo === true,
      kind: values.physical === true ? 'physical' : 'logical',
    },
    rest,
  );
};

const VERBS: Readonly<Record<string, Verb>> = {
  create: ({ loaded, kind, passphrase, isVerified, json }) =>
    connectBackups(loaded, async (door) => {
      const made = await door.create({ kind, verify: isVerified, ...(passphrase === undefined ? {} : { passphrase }) });
      if (json) printJson(made);
      else print(`${made.id}: ${isVerified ? 'made and proved' : 'made'}, ${words(made)}`);
      return 0;
    }),
  async list({ loaded, from, json }) {
    const { createCatalogue, describe } = await import('../backup/catalogue.ts');
    const items = (await createCatalogue(openPlace(loaded.config, from)).list()).map(describe);
    if (json) printJson({ items });
    else if (items.length === 0) print(`No backups at ${openPlace(loaded.config, from).label}.`);
    else for (const item of items) print(`${item.id}  ${item.createdAt.slice(0, 16).replace('T', ' ')}  ${words(item)}`);
    return 0;
  },
  verify: ({ loaded, passphrase, json }, [id]) =>
    id === undefined
      ? wrongUse('say which: studio backup verify ID')
      : connectBackups(loaded, async (door) => {
          const proved = await door.verify(id, passphrase === undefined ? {} : { passphrase });
          if (json) printJson(proved);
          else print(`${id}: ${proved.proof?.message ?? 'not proved'}`);
          return proved.proof?.ok === true ? 0 : 1;
        }),
  restore: (values, [what]) =>
    what === undefined && !values.isUndo ? wrongUse('say what: studio backup restore ID, latest, or FILE.tar') : restore(values, what ?? ''),
  prune: ({ loaded, isDryRun, json }) =>
    connectBackups(loaded, async (door) => {
      const { removed, kept, freedBytes } = await door.prune(isDryRun);
      if (json) printJson({ removed, kept, freedBytes });
      else
        print(
          `${isDryRun ? 'Would remove' : 'Removed'} ${removed.length} (${removed.join(', ') || 'none'}), kept ${kept}${isDryRun ? '' : `, freed ${size(freedBytes)}`}.`,
        );
      return 0;
    }),
  async export({ loaded, from, passphrase }, [id, file]) {
    if (id === undefined || file === undefined) return wrongUse('say which and where to: studio backup export ID FILE.tar');
    if (existsSync(file)) throw new Error(`${file} is there already; name another file.`);
    const place = openPlace(loaded.config, from);
    const manifest = await readManifest(place, id);
    if (manifest.encryption !== null && passphrase === undefined) throw new Error(`Backup ${id} is sealed: give its passphrase with --passphrase-file.`);
    const key = manifest.encryption === null ? undefined : await keyOf(passphrase ?? '', manifest.encryption);
    const { signal } = new AbortController();
    await pipeline(Readable.fromWeb(exportBackup({ place, manifest, key, signal }) as ReadableStream), createWriteStream(file, { mode: 0o600, flags: 'wx' }));
    print(`${file} holds backup ${id}.`);
    return 0;
  },
};

function wrongUse(what: string): Promise<number> {
  process.stderr.write(`studio: ${what}\n\n${USAGE}`);
  return Promise.resolve(2);
}

function words(item: Backup): string {
  if (item.status === 'damaged') return `DAMAGED: ${item.fault ?? ''}`;
  const proof =
    item.proof === null ? 'never proved' : item.proof.ok ? `proved ${item.proof.at.slice(0, 16).replace('T', ' ')}` : `NO GOOD: ${item.proof.message}`;
  const kind = item.postgresMajor === null ? 'logical' : `physical (PostgreSQL ${item.postgresMajor} only)`;
  return `${kind}, ${size(item.bytes)}, ${item.rows} rows, ${item.files} files, ${item.isEncrypted ? 'sealed' : 'without keys'}, ${proof}`;
}
