/** The life cycle of models on a workspace, a database and a ledger of their own, with real children of tiny GGUF files. For tests. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '../contract/endpoint.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { killGroup } from '../kernel/child.ts';
import { isAlive, type ProcessIdentity } from '../kernel/process-identity.ts';
import type { ChatCall, ModelEngine, ModelUse, Piece } from '../models/engine.ts';
import { readFacts } from '../models/gguf-file.ts';
import { createModelLife, type ModelLife } from '../models/lifecycle.ts';
import { createLlamaDriver } from '../models/llama-driver.ts';
import type { RemoteEngines } from '../models/remote.ts';
import { createServiceDriver } from '../models/service-engine.ts';
import type { ProcessRecords } from '../models/slot-load.ts';
import type { Database } from '../store/client.ts';
import { insertModel, readModel, type ModelRecord } from '../store/models.ts';
import { silentLog, testDatabase } from './database.ts';
import { fakeLedger, type FakeLedger } from './fake-ledger.ts';
import { writeTinyGguf, type TinyModel } from './tiny-gguf.ts';

export const MODELS_ORG = 'org_models';

export interface ModelsHarness {
  readonly life: ModelLife;
  readonly ledger: FakeLedger;
  readonly database: Database;
  readonly workspacePath: string;
  /** Processes by model id. */
  readonly processes: ReadonlyMap<string, ProcessIdentity>;
  add(name: string, options?: AddedModel): Promise<ModelRecord>;
  read(model: ModelRecord): Promise<ModelRecord>;
  ask(name: string, options?: AskOptions): Promise<string>;
  use<T>(name: string, work: (engine: ModelEngine) => Promise<T>, options?: Partial<ModelUse>): Promise<T>;
  eventsOf(model: ModelRecord): Promise<string[]>;
  /** The next Studio on the same workspace; the one before ends nothing. */
  restart(): Promise<void>;
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

interface AddedModel {
  readonly tiny?: TinyModel;
  readonly settings?: Record<string, Json>;
  readonly engine?: 'llama' | 'service';
  readonly ttlS?: number;
  readonly pinned?: boolean;
  readonly orgId?: string | null;
}

interface AskOptions extends Partial<ModelUse> {
  readonly maxTokens?: number;
}

const never = new AbortController().signal;
/** No test of the life cycle asks elsewhere. */
const noRemote: RemoteEngines = {
  engineOf: () => {
    throw new Error('no remote model is meant here');
  },
  modelsOf: () => Promise.resolve([]),
  backendsOf: () => [],
  stop: () => undefined,
};

export async function modelsHarness(options: { readonly totalBytes?: number; readonly clock?: Clock } = {}): Promise<ModelsHarness> {
  const { database, close } = await testDatabase();
  const { clock = systemClock } = options;
  const workspacePath = mkdtempSync(join(tmpdir(), 'studio-models-'));
  const modelsPath = join(workspacePath, 'models');
  mkdirSync(modelsPath);
  await database.engine.query('insert into orgs (id, name) values ($1, $1)', [MODELS_ORG]);
  const ledger = fakeLedger({ totalBytes: options.totalBytes ?? 1024 ** 3 });
  const processes = new Map<string, ProcessIdentity>();
  let lives = 0;
  /** One that was left does nothing more, as a Studio that was killed does not. */
  const recordsOf = (own: number): ProcessRecords => ({
    environmentOf: () => ({}),
    record: (id, process) => void processes.set(id, process),
    async clear(id) {
      const process = processes.get(id);
      if (process !== undefined && own === lives) await killGroup(process.pid);
    },
    async endAll() {
      const alive = [...processes].filter(([, process]) => isAlive(process));
      await Promise.all(alive.map(([, process]) => killGroup(process.pid)));
      return alive.map(([id]) => id);
    },
  });
  const make = (): ModelLife =>
    createModelLife({
      database,
      clock,
      log: silentLog,
      ledger,
      records: recordsOf(++lives),
      remote: noRemote,
      drivers: {
        // Processes are real: they need real time.
        llama: createLlamaDriver({ clock: systemClock, workspacePath, modelsPath }),
        service: createServiceDriver({
          clock: systemClock,
          workspacePath,
          modelsPath,
          readSecret: async (_org, name) => (name === 'KEY' ? 'a-secret' : undefined),
        }),
      },
      rooms: async () => ({ deviceBytes: [] }),
    });
  let life = make();
  let made = 0;
  const use: ModelsHarness['use'] = (name, work, more = {}) => life.use(name, { orgId: MODELS_ORG, priority: 50, signal: never, ...more }, work);
  return {
    get life() {
      return life;
    },
    ledger,
    database,
    workspacePath,
    processes,
    async add(name, { tiny = {}, settings = {}, engine = 'llama', ttlS, pinned = false, orgId = null } = {}) {
      const id = `mdl_${String(++made).padStart(4, '0')}`;
      const place = `${name}.gguf`;
      const bytes = engine === 'llama' ? writeTinyGguf(join(modelsPath, place), { name, ...tiny }) : 0;
      const facts =
        engine === 'llama'
          ? await readFacts([{ name: place, path: join(modelsPath, place) }])
          : { architecture: null, quantisation: null, parameters: null, contextLength: null, shape: null };
      const model = {
        ...facts,
        shape: facts.shape as unknown as Json,
        id,
        orgId,
        homeOrgId: MODELS_ORG,
        name,
        engine,
        status: 'ready',
        format: engine === 'llama' ? 'gguf' : null,
        bytes,
        source: { kind: 'none' },
        files: engine === 'llama' ? [{ name: place, place, bytes, sha256: null }] : [],
        settings: engine === 'llama' ? { contextLength: 512, parallel: 4, threads: 1, ...settings } : settings,
        pinned,
        ttlS: ttlS ?? null,
        nowMs: clock.now(),
      } as const;
      await database.engine.transaction((sql) => insertModel(sql, model));
      return (await readModel(database.engine, id)) as ModelRecord;
    },
    read: async (model) => (await readModel(database.engine, model.id)) as ModelRecord,
    use,
    ask: (name, { maxTokens = 8, ...more } = {}) =>
      use(
        name,
        (engine) => textOf(engine.chat({ messages: [{ role: 'user', content: 'hello' }], sampling: { maxTokens, seed: 1 } }, more.signal ?? never)),
        more,
      ),
    async eventsOf(model) {
      const { rows } = await database.engine.query<{ type: string }>(`select type from outbox where kind = 'model' and id = $1 order by sequence`, [model.id]);
      return rows.map(({ type }) => type.replace('models:model:', ''));
    },
    async restart() {
      life = make();
      await life.start();
    },
    async until(condition) {
      // Serial: looked at again and again; the test runner's own limit ends what never comes.
      while (!(await condition())) await systemClock.sleep(5);
    },
    async close() {
      await life.stop();
      await recordsOf(lives).endAll();
      await close();
      rmSync(workspacePath, { recursive: true });
    },
  };
}

export async function textOf(pieces: AsyncIterable<Piece>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece.text ?? '';
  return text;
}

/** One that goes on until the context is full. */
export const endless: ChatCall = { messages: [{ role: 'user', content: 'hello' }], sampling: {} };
