/** `studio org list|create|rename|export|import|purge|verify`: whole orgs, also while Studio does not run. A purge shows what would go and asks for the name. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import packageJson from '../../package.json' with { type: 'json' };
import { purgeCertificate, type PurgePreview } from '../contract/orgs.ts';
import { createContentStore } from '../files/content.ts';
import { createCipher } from '../identity/cipher.ts';
import { createCommit } from '../identity/commit.ts';
import { createRevocations } from '../identity/revocation.ts';
import { createSecrets } from '../identity/secrets.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { isGenuine } from '../orgs/certificate.ts';
import { createOrgs, type Orgs } from '../orgs/orgs.ts';
import { print, printJson, readArguments, readConfig, type Command } from './command.ts';
import { showProgress } from './progress-line.ts';
import { withWorkspace, type WorkspaceDatabase } from './workspace.ts';

const USAGE = `studio: org list [--json]
        org create NAME --admin EMAIL [--admin-name NAME]
        org rename ORG NAME
        org export ORG FILE            (a passphrase in STUDIO_PASSPHRASE takes the secrets along)
        org import FILE [--dry-run]    (the same STUDIO_PASSPHRASE opens them)
        org purge ORG [--dry-run] [--name NAME] [--certificate FILE]
        org verify CERTIFICATE
`;
const AUTHOR = { actor: 'system', orgId: null, address: 'shell' } as const;

interface Wanted {
  readonly rest: readonly string[];
  readonly json: boolean;
  readonly isDryRun: boolean;
  readonly admin: string | undefined;
  readonly adminName: string | undefined;
  readonly name: string | undefined;
  readonly certificate: string | undefined;
}

interface Verb {
  /** How many words it needs. */
  readonly words: number;
  readonly run: (orgs: Orgs, wanted: Wanted, workspace: WorkspaceDatabase) => Promise<number>;
}

export const org: Command = async (args) => {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
    admin: { type: 'string' },
    'admin-name': { type: 'string' },
    name: { type: 'string' },
    certificate: { type: 'string' },
  });
  const [name = '', ...rest] = positionals;
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined || rest.length !== verb.words || (name === 'create' && values.admin === undefined)) {
    process.stderr.write(USAGE);
    return 2;
  }
  const wanted: Wanted = {
    rest,
    json: values.json === true,
    isDryRun: values['dry-run'] === true,
    admin: values.admin,
    adminName: values['admin-name'],
    name: values.name,
    certificate: values.certificate,
  };
  return withWorkspace(await readConfig(values.config), (workspace) => verb.run(orgsOf(workspace), wanted, workspace));
};

function orgsOf({ config, open, log, isServing }: WorkspaceDatabase): Orgs {
  const database = open();
  const commit = createCommit({ database, clock, revocations: createRevocations({ log }) });
  const cipher = createCipher(config.credentialEncryptionKey);
  return createOrgs({
    ...{ database, clock, commit, cipher, isServing },
    files: { content: createContentStore(join(config.workspacePath, 'files')) },
    secrets: createSecrets({ sql: database.engine, cipher, commit }),
    workspacePath: config.workspacePath,
    studioVersion: packageJson.version,
    secret: config.credentialEncryptionKey,
    onProgress: ({ progress }) => showProgress(progress),
  });
}

const VERBS: Readonly<Record<string, Verb>> = {
  list: {
    words: 0,
    async run(orgs, { json }) {
      const items = await orgs.list();
      if (json) printJson({ items });
      else for (const one of items) print(`${one.id}  ${one.name}  ${one.members} people, ${one.workflows} workflows, ${sizeText(one.bytes)}`);
      return 0;
    },
  },
  create: {
    words: 1,
    async run(orgs, { rest: [name = ''], admin = '', adminName, json }) {
      const made = await orgs.create({ name, admin: { email: admin, name: adminName ?? admin } }, AUTHOR);
      if (json) printJson(made);
      else print(`${made.org.id}  ${made.org.name}\nTemporary password of ${admin}: ${made.temporaryPassword}\nIt must be changed at the first login.`);
      return 0;
    },
  },
  rename: {
    words: 2,
    async run(orgs, { rest: [wanted = '', name = ''] }) {
      const { org: found } = await orgs.previewPurge(wanted);
      print(`${(await orgs.rename({ id: found.id, name }, AUTHOR)).id}  ${name}`);
      return 0;
    },
  },
  export: {
    words: 2,
    async run(orgs, { rest: [wanted = '', path = ''], json }) {
      const report = await orgs.export({
        org: wanted,
        path: resolve(path),
        passphrase: passphrase(),
        actor: AUTHOR.actor,
        signal: new AbortController().signal,
      });
      if (json) printJson(report);
      else print([`${path}: ${report.rows} rows, ${report.files} files (${sizeText(report.bytes)}) of ${report.org.name}`, ...report.leftOut].join('\n  '));
      return 0;
    },
  },
  import: {
    words: 1,
    async run(orgs, { rest: [path = ''], isDryRun, json }) {
      const report = await orgs.import({ path: resolve(path), passphrase: passphrase(), isDryRun, signal: new AbortController().signal }, AUTHOR);
      if (json) printJson(report);
      else {
        const rows = report.tables.map(({ table, rows: count }) => `${count} ${table}`).join(', ');
        const notes = [...(report.mapped === null ? [] : [report.mapped]), ...report.notes];
        print(
          [
            `${isDryRun ? 'Would import' : 'Imported'} ${report.org.name} as ${report.org.id}: ${rows}; ${report.content.files} files (${sizeText(report.content.bytes)})`,
            ...notes,
          ].join('\n  '),
        );
      }
      return 0;
    },
  },
  purge: {
    words: 1,
    async run(orgs, { rest: [wanted = ''], isDryRun, name, certificate, json }) {
      const preview = await orgs.previewPurge(wanted);
      if (isDryRun && json) printJson(preview);
      else if (!json) print(previewText(preview));
      if (isDryRun || preview.obstacles.length > 0) return preview.obstacles.length > 0 ? 1 : 0;
      const typed = name ?? (await ask(`This can't be undone. Type the name of the org to purge it: `));
      const done = await orgs.purge({ org: preview.org.id, name: typed }, AUTHOR);
      if (certificate !== undefined) writeFileSync(certificate, `${JSON.stringify(done, null, 2)}\n`, { mode: 0o600 });
      if (json) printJson(done);
      else
        print(
          `Purged ${done.org.name}: ${sum(done.tables)} rows and ${done.content.files} files deleted, 0 left. Certificate ${done.sha256}${certificate === undefined ? '' : ` in ${certificate}`}`,
        );
      return 0;
    },
  },
  verify: {
    words: 1,
    async run(_orgs, { rest: [path = ''] }, { config }) {
      const read = purgeCertificate.safeParse(JSON.parse(readFileSync(path, 'utf8')));
      const isTrue = read.success && isGenuine(read.data, config.credentialEncryptionKey);
      print(
        isTrue
          ? `Genuine: ${read.data.org.name} was purged at ${read.data.endedAt} by this workspace.`
          : 'Not genuine: it was altered, or made by another workspace.',
      );
      return isTrue ? 0 : 1;
    },
  },
};

function previewText(preview: PurgePreview): string {
  const { org: found, tables, content, people, running, obstacles } = preview;
  return [
    `${found.name} (${found.id}) holds ${sum(tables)} rows and ${content.files} files (${sizeText(content.bytes)}):`,
    ...tables.map(({ table, rows, bytes }) => `  ${String(rows).padStart(9)}  ${table} (${sizeText(bytes)})`),
    ...(people.length === 0 ? [] : [`Accounts that go with it: ${people.join(', ')}`]),
    ...(running.instances + running.jobs === 0 ? [] : [`Will be stopped first: ${running.instances} instances, ${running.jobs} jobs`]),
    ...obstacles,
  ].join('\n');
}

function sum(tables: readonly { readonly rows: number }[]): number {
  return tables.reduce((total, { rows }) => total + rows, 0);
}

function sizeText(bytes: number): string {
  return bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** Not an argument: those stand in the list of processes. */
function passphrase(): string | undefined {
  const given = process.env['STUDIO_PASSPHRASE'];
  if (given === undefined || given === '') return undefined;
  if (given.length < 12) throw new Error(`STUDIO_PASSPHRASE has ${given.length} characters; it needs 12. Take several words, or: openssl rand -hex 32`);
  return given;
}

async function ask(question: string): Promise<string> {
  if (!process.stdin.isTTY) throw new Error('Nobody is there to be asked: give the name of the org as --name NAME.');
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}
