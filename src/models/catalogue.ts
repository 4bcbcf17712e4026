/** The catalogue: registers, changes and deletes models, and keeps their contents once on disk. Never loads one: who deletes is handed how to unload.
 *  One thing to know: contents are added and removed under one lock (`exclusive`), so that what one model gives up another can't just be taking. */
import { rm, stat } from 'node:fs/promises';
import type { Json } from '../contract/endpoint.ts';
import { llamaSettings, remoteSettings, serviceSettings } from '../contract/model-settings.ts';
import type { ModelSource, PatchModel, RegisterModel } from '../contract/models.ts';
import type { ModelEngineKind } from '../contract/values.ts';
import type { Files } from '../files/files.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, fail } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { createTurns } from '../kernel/turns.ts';
import type { Database } from '../store/client.ts';
import {
  deleteModel,
  findUsedContents,
  insertModel,
  isNameTaken,
  listModels,
  readModel,
  updateModel,
  type ModelRecord,
  type NewModel,
  type PlacedFile,
} from '../store/models.ts';
import { describe, noFiles, type Description } from './describe.ts';
import { GgufError } from './gguf.ts';
import type { ModelFolder } from './model-folder.ts';

/** Who asks. */
export interface By {
  readonly orgId: string;
  readonly requestId: string;
}

export interface Catalogue {
  /** @throws AppError invalid_body, not_found, conflict, disk_full */
  register(model: RegisterModel & { readonly id: string }, by: By): Promise<ModelRecord>;
  /** @throws AppError invalid_body, not_found, conflict */
  patch(id: string, change: PatchModel, by: By): Promise<ModelRecord>;
  /** Deletes the row, then what no other model has of its files. Those that a person put there stay. @throws AppError not_found */
  remove(id: string, by: By): Promise<void>;
  /** Runs alone among those that add or remove contents. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /** Removes those of these contents that no model has, and the folder of a model that is none any more. */
  dropUnused(hashes: readonly string[], modelId?: string): Promise<void>;
  /** Says of each model whether its files are there, and removes contents that nobody has. */
  check(): Promise<void>;
}

export interface CatalogueParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly folder: ModelFolder;
  readonly files: Pick<Files, 'get' | 'content'>;
}

const schemas = { llama: llamaSettings, service: serviceSettings, remote: remoteSettings } as const;
const PAGE = 200;

/** Settings as their engine takes them. @throws AppError invalid_body naming the setting */
export function checkSettings(engine: ModelEngineKind, settings: unknown): Record<string, Json> {
  const parsed = schemas[engine].safeParse(settings);
  if (parsed.success) return parsed.data as Record<string, Json>;
  const [issue] = parsed.error.issues;
  const path = ['settings', ...(issue?.path ?? [])].join('.');
  fail('invalid_body', { message: `${path}: ${issue?.message ?? 'not as the engine takes it'}.`, details: { path } });
}

export function nameTaken(name: string): AppError {
  return new AppError('conflict', {
    message: `A model named "${name}" is there already; choose another name, or delete that one first.`,
    details: { path: 'name' },
  });
}

export function createCatalogue(parts: CatalogueParts): Catalogue {
  const { database, clock, log, folder, files } = parts;
  const sql = database.engine;
  const { take: exclusive } = createTurns();

  async function insert(model: NewModel, by: By): Promise<ModelRecord> {
    const isNew = await sql.transaction((tx) => insertModel(tx, model, by.requestId));
    if (!isNew) throw nameTaken(model.name);
    database.announce();
    return (await readModel(sql, model.id)) ?? fail('not_found', `The model ${model.id} was deleted at once.`);
  }

  /** A file of the org becomes a content of the models. */
  async function adoptUpload(id: string, path: string, by: By): Promise<{ readonly files: readonly PlacedFile[]; readonly description: Description }> {
    const file = await files.get(by.orgId, path);
    const name = path.split('/').at(-1) ?? path;
    const staged = await folder.stagePath(id);
    try {
      await files.content.linkTo(by.orgId, file.sha256, staged);
      const description = await describe([{ name, bytes: file.bytes, path: staged, given: path }]);
      requireModel(description, `file: ${path}`);
      await folder.adopt(staged, file.sha256);
      return { description, files: [{ name, bytes: file.bytes, sha256: file.sha256, place: await folder.name(id, name, file.sha256) }] };
    } finally {
      await rm(staged, { force: true });
    }
  }

  async function filesOf(model: Exclude<RegisterModel, { engine: 'remote' }> & { readonly id: string }, by: By): Promise<Registered> {
    if (model.file !== undefined && model.path !== undefined) fail('invalid_body', { message: 'Name a file or a path, not both.', details: { path: 'path' } });
    try {
      if (model.file !== undefined) return { ...(await adoptUpload(model.id, model.file, by)), source: { kind: 'file', path: model.file } };
      if (model.path === undefined) return { files: [], description: noFiles, source: { kind: 'none' } };
      const found = await folder.find(model.path);
      const description = await describe(found.map((file) => ({ ...file, path: folder.pathOf(file.place), given: file.place })));
      return { files: found, description, source: { kind: 'path', path: model.path } };
    } catch (error) {
      if (!(error instanceof GgufError)) throw error;
      throw new AppError('invalid_body', { message: `The model can't be taken: ${error.message}.`, cause: error });
    }
  }

  async function dropContents(hashes: readonly string[], modelId: string | undefined): Promise<void> {
    if (modelId !== undefined) await folder.dropModel(modelId);
    const used = await findUsedContents(sql, hashes);
    await Promise.all(hashes.filter((hash) => !used.has(hash)).map((hash) => folder.dropBlob(hash)));
  }

  return {
    exclusive,
    dropUnused: (hashes, modelId) => exclusive(() => dropContents(hashes, modelId)),
    async register(model, by) {
      const base = {
        id: model.id,
        orgId: model.owner === 'org' ? by.orgId : null,
        homeOrgId: by.orgId,
        name: model.name,
        engine: model.engine,
        status: 'ready',
        settings: checkSettings(model.engine, model.settings),
        pinned: model.pinned,
        ttlS: model.ttlS,
        nowMs: clock.now(),
      } as const;
      if (model.engine === 'remote') return insert({ ...base, ...noFiles, files: [], source: { kind: 'none' } }, by);
      return exclusive(async () => {
        const { files: placed, description, source } = await filesOf(model, by);
        if (model.engine === 'llama' && description.format !== 'gguf')
          fail('invalid_body', {
            message: 'The engine llama needs a GGUF file: upload one and name it in file, or put it below the models folder and name it in path.',
            details: { path: 'file' },
          });
        try {
          return await insert({ ...base, ...description, files: placed, source }, by);
        } catch (error) {
          await folder.dropModel(model.id);
          throw error;
        }
      });
    },
    async patch(id, change, by) {
      const before = (await readModel(sql, id)) ?? fail('not_found', `There is no model ${id}.`);
      const joined = change.settings === undefined ? undefined : { ...before.settings, ...change.settings };
      const settings =
        joined === undefined ? undefined : checkSettings(before.engine, Object.fromEntries(Object.entries(joined).filter(([, value]) => value !== null)));
      const orgId = change.owner === undefined ? undefined : change.owner === 'org' ? by.orgId : null;
      try {
        const at = { nowMs: clock.now(), requestId: by.requestId };
        const after = await sql.transaction((tx) => updateModel(tx, id, { name: change.name, ttlS: change.ttlS, settings, orgId }, at));
        database.announce();
        return after ?? fail('not_found', `There is no model ${id}.`);
      } catch (error) {
        throw isNameTaken(error) ? nameTaken(change.name ?? before.name) : error;
      }
    },
    remove: (id, by) =>
      exclusive(async () => {
        const model = (await sql.transaction((tx) => deleteModel(tx, id, by.requestId))) ?? fail('not_found', `There is no model ${id}.`);
        database.announce();
        await dropContents(
          model.files.flatMap((file) => (file.sha256 === null ? [] : [file.sha256])),
          id,
        );
        log.info({ modelId: id, name: model.name, bytes: model.bytes }, 'model deleted');
      }),
    check: () =>
      exclusive(async () => {
        for await (const model of everyModel(database)) await checkFiles(parts, model);
        const blobs = await folder.listBlobs();
        for (let from = 0; from < blobs.length; from += PAGE) {
          const some = blobs.slice(from, from + PAGE);
          // Serial: a statement for each few hundred.
          const used = await findUsedContents(sql, some);
          await Promise.all(some.filter((hash) => !used.has(hash)).map((hash) => folder.dropBlob(hash)));
        }
      }),
  };
}

interface Registered {
  readonly files: readonly PlacedFile[];
  readonly description: Description;
  readonly source: ModelSource;
}

function requireModel(description: Description, what: string): void {
  if (description.format === 'other') fail('invalid_body', { message: `${what} is no GGUF file.`, details: { path: 'file' } });
}

async function* everyModel(database: Database): AsyncGenerator<ModelRecord> {
  let after: string | undefined;
  for (;;) {
    // Serial: a page begins where the one before ended.
    const page = await listModels(database.engine, { after, limit: PAGE });
    yield* page;
    after = page.at(-1)?.id;
    if (page.length < PAGE) return;
  }
}

const MISSING = 'Its files are not there any more: ';

/** A model whose files went is broken; one whose files came back is not. */
async function checkFiles({ database, folder, clock, log }: CatalogueParts, model: ModelRecord): Promise<void> {
  if (model.status === 'downloading' || model.files.length === 0) return;
  const sizes = await Promise.all(
    model.files.map((file) =>
      stat(folder.pathOf(file.place)).then(
        (facts) => facts.size,
        () => undefined,
      ),
    ),
  );
  const missing = model.files.find((file, index) => sizes[index] !== file.bytes);
  const isKnown = model.fault?.startsWith(MISSING) === true;
  if ((missing === undefined && !isKnown) || (missing !== undefined && model.status === 'broken')) return;
  const fault = missing === undefined ? null : `${MISSING}${missing.place}. Put them back and restart, or delete the model`;
  if (fault !== null) log.warn({ modelId: model.id, name: model.name, place: missing?.place }, 'files of a model are missing');
  await database.engine.transaction((tx) => updateModel(tx, model.id, { status: fault === null ? 'ready' : 'broken', fault }, { nowMs: clock.now() }));
  database.announce();
}
