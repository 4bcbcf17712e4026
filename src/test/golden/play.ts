/** Plays one history on the engine: from the start, or from any point of a recording, with what people and jobs do given when the rows ask for it.
 *  Recorded, each attempt of an inline node is noted with what it gave; replayed, it gives that, and anything not recorded is a divergence. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '../../contract/endpoint.ts';
import type { Definition } from '../../contract/graph.ts';
import type { JobStatus } from '../../contract/values.ts';
import { isTerminalInstance } from '../../contract/values.ts';
import { createEngine, type Engine } from '../../engine/engine.ts';
import type { InstanceCommand, StepCommand } from '../../engine/state.ts';
import type { EngineStore } from '../../engine/store-port.ts';
import type { NodeTypes } from '../../nodes/kit.ts';
import type { Database } from '../../store/client.ts';
import type { NewStepJob } from '../../store/job-inserts.ts';
import type { Batch } from '../../store/journal.ts';
import type { StoredWait } from '../../store/stored-steps.ts';
import { silentLog } from '../database.ts';
import { fakeClock, type FakeClock } from '../fake-clock.ts';
import { emptyRows, type Rows } from '../memory-store/rows.ts';
import { memoryStore } from '../memory-store/store.ts';
import { keep, kept, recordingTypes, replayedTypes, type Given } from './given.ts';

/** What somebody does, once the newest row of `path` (an instance's id stands for none) is in this state. */
export interface Hand {
  readonly when: { readonly path: string; readonly status: string };
  readonly command: StepCommand | InstanceCommand;
  /** Absent: it is done to the instance. */
  readonly path?: string;
  readonly output?: Json;
  readonly form?: Json;
}

export interface Setup {
  readonly definition: Definition;
  readonly child?: Definition;
  readonly input: Json;
  readonly debug?: boolean;
  readonly hands?: readonly Hand[];
  /** How jobs end, by path, or by path, generation and attempt; default: exit code 0. */
  readonly jobs?: Readonly<Record<string, { readonly exitCode?: number; readonly status?: JobStatus; readonly stdout?: string }>>;
}

/** One commit, or the items that a map put down before it. */
export interface Commit {
  readonly at: number;
  readonly batch?: Batch;
  readonly jobs?: readonly NewStepJob[];
  readonly items?: Parameters<EngineStore['writeStepItems']>[0];
}

export interface History extends Setup {
  readonly name: string;
  readonly commits: readonly Commit[];
  readonly given: readonly Given[];
  /** How many commits there were when each hand acted, and when it was answered. */
  readonly handsDone: readonly (readonly [asked: number, answered: number])[];
  readonly final: Json;
}

export const ROOT = 'inst_01kdvdna00000000000000root';
export const START_MS = Date.UTC(2026, 0, 1);
const ORG = 'org_golden';
const OWNER = { id: 'own_golden', epoch: 1 };
const LIMIT_STEPS = 4_000;

/** @param from replays from these commits on; undefined: records */
export async function play(
  setup: Setup,
  replay?: { readonly history: History; readonly commits: number },
): Promise<{ rows: Rows; recorded: Omit<History, keyof Setup | 'name' | 'final'>; faults: string[] }> {
  const past = replay?.history.commits.slice(0, replay.commits) ?? [];
  const clock = fakeClock(past.at(-1)?.at ?? START_MS);
  const rows = rowsAfter(setup, past);
  const commits: Commit[] = [...past];
  const given: Given[] = [];
  const faults: string[] = [];
  const store = memoryStore(rows, clock.now);
  const types = replay === undefined ? recordingTypes(clock, given) : replayedTypes(clock, replay.history.given, faults);
  const engine = engineOf(clock, recordingStore(store, clock, commits), types);
  await engine.start();
  const isRecording = replay === undefined;
  if (past.length === 0)
    void engine.startInstance({
      id: ROOT,
      orgId: ORG,
      workflowId: 'wf_golden',
      input: setup.input,
      startedBy: 'manual',
      requestId: 'req_golden',
      debug: setup.debug,
    });
  const hands = (setup.hands ?? [])
    .map((hand, index) => ({ hand, index }))
    .filter(({ index }) => replay === undefined || (replay.history.handsDone[index]?.[0] ?? 0) >= replay.commits);
  const handsDone: [number, number][] = [];
  for (let step = 0; ; step++) {
    await settle(isRecording);
    const [next] = hands;
    const isAsked = next !== undefined && holds(rows, next.hand);
    if (isAsked) {
      hands.shift();
      const asked = commits.length;
      await act(engine, rows, next.hand, () => void (handsDone[next.index] = [asked, commits.length])).catch((error: unknown) =>
        faults.push(`${next.hand.command} of ${next.hand.path ?? 'the instance'}: ${String(error)}`),
      );
      continue;
    }
    if (endJobs(setup, rows, engine)) continue;
    if (hands.length === 0 && rows.instances.size > 0 && [...rows.instances.values()].every((row) => isTerminalInstance(row.status))) break;
    if (step > LIMIT_STEPS) {
      faults.push(
        `it does not end: ${[...(rows.steps.get(ROOT)?.values() ?? [])].map((row) => `${row.path} ${row.status}`).join(', ')}; ${hands.length} acts were not asked for`,
      );
      break;
    }
    await clock.advance(STEP_MS);
  }
  await settle(isRecording);
  engine.crash();
  return { rows, recorded: { commits, given, handsDone }, faults };
}

const STEP_MS = 100;

/** The rows as they stood after `commits`, with the owner that wrote them. */
function rowsAfter(setup: Setup, commits: readonly Commit[]): Rows {
  const rows = emptyRows();
  rows.workflows.set('wf_golden', { id: 'wf_golden', name: 'Golden', definition: setup.definition });
  if (setup.child !== undefined) rows.workflows.set('wf_child', { id: 'wf_child', name: 'Child', definition: setup.child });
  if (commits.length === 0) return rows;
  rows.owners.set(OWNER.epoch, { ...OWNER, host: 'h', pid: 1, pidStarted: '1', beatAt: START_MS });
  rows.lastEpoch = OWNER.epoch;
  const answers = memoryStore(rows, () => START_MS);
  for (const { batch, jobs, items } of commits) {
    if (items !== undefined) void answers.writeStepItems(items);
    if (batch !== undefined) void answers.writeGroups({ ownerId: OWNER.id, epoch: OWNER.epoch }, batch, jobs ?? []);
  }
  return rows;
}

/** Notes what is written; the rest passes through. */
function recordingStore(store: EngineStore, clock: FakeClock, commits: Commit[]): EngineStore {
  return {
    ...store,
    async writeGroups(fence, batch, jobs) {
      await store.writeGroups(fence, batch, jobs);
      commits.push({ at: clock.now(), batch: structuredClone(batch), jobs: structuredClone(jobs) });
    },
    async writeStepItems(items) {
      await store.writeStepItems(items);
      commits.push({ at: clock.now(), items: structuredClone(items) });
    },
  };
}

function engineOf(clock: FakeClock, store: EngineStore, types: NodeTypes): Engine {
  return createEngine({
    database: noDatabase,
    store,
    clock,
    log: silentLog,
    nodeTypes: types,
    filesOf: () => ({
      read: async () => ({ bytes: Buffer.from('name,n\na,1\nb,2\n'), mediaType: 'text/csv' }),
      write: async (path, content) => ({ path, bytes: content.length, sha256: 'a'.repeat(64), created: true }) as never,
    }),
    httpOf: () => ({
      request: async () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"done":true,"items":[1,2]}') }),
    }),
    modelsOf: () => ({
      chat: async ({ messages }) => ({
        ...{ text: `heard ${JSON.stringify(messages.at(-1)?.content)}`, reasoning: '', toolCalls: [], finish: 'stop' as const },
        ...{ promptTokens: 5, completionTokens: 3 },
      }),
      embed: async ({ texts }) => ({ vectors: texts.map((text) => [text.length, 1]), promptTokens: texts.length }),
    }),
    downloadsOf: () => ({
      bring: async ({ repo }) => ({ modelId: 'mdl_golden', name: repo ?? '', bytes: 10, files: [{ name: 'small.gguf', bytes: 10, sha256: 'a'.repeat(64) }] }),
    }),
    sandbox: { run: async ({ source }) => (source.includes('repeat') ? ['a'.repeat(270_000), 7] : { total: 3 }) },
    notify: { faultOf: () => undefined, send: async () => ({ notifications: 1, deliveries: [] }) },
    large: {
      keep: async ({ text }) => ({ id: 'art_golden', bytes: Buffer.byteLength(text), sha256: keep(text) }),
      read: async ({ sha256 }) => kept.get(sha256) ?? 'null',
      share: async ({ sha256, bytes }) => ({ id: 'art_golden', bytes, sha256 }),
    },
    secrets: { read: async () => 'geheim' },
    jobs: { wake: () => undefined, cancel: async () => undefined },
    isAlone: true,
    random: () => 0.5,
  });
}

const noDatabase = {
  engine: { query: () => Promise.reject(new Error('no database')), transaction: () => Promise.reject(new Error('no database')) },
  org: () => noDatabase.engine,
  announce: () => undefined,
  onAnnounce: () => () => undefined,
  close: async () => undefined,
} as unknown as Database;

/** Turns of the loop; while recording, a real moment as well: expressions are evaluated in a process of their own. */
async function settle(isRecording: boolean): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve));
  if (isRecording) await sleep(15);
}

function holds(rows: Rows, { when }: Hand): boolean {
  if (when.path === '') return rows.instances.get(ROOT)?.status === when.status;
  let newest: { generation: number; status: string } | undefined;
  for (const row of rows.steps.get(ROOT)?.values() ?? []) if (row.path === when.path && (newest?.generation ?? 0) < row.generation) newest = row;
  return newest?.status === when.status;
}

async function act(engine: Engine, rows: Rows, hand: Hand, onDone: () => void): Promise<void> {
  const { command, path, output, form } = hand;
  const by = { userId: 'user_golden', name: 'Golden', email: 'golden@example.org', role: 'super_admin' } as const;
  const base = { orgId: ORG, id: ROOT, requestId: 'req_golden' };
  const token = path === undefined ? undefined : (JSON.parse(rows.steps.get(ROOT)?.get(`${path} 1`)?.wait ?? 'null') as StoredWait | null)?.token;
  const done =
    path === undefined
      ? engine.commandInstance({ ...base, command: command as InstanceCommand })
      : engine.commandStep({ ...base, path, command: command as StepCommand, output, form, by, ...(token === undefined ? {} : { token }) });
  await done;
  onDone();
}

/** Ends what is queued. @returns false when there was nothing */
function endJobs(setup: Setup, rows: Rows, engine: Engine): boolean {
  const open = [...rows.jobs.values()].filter((job) => job.status === 'queued');
  for (const job of open) {
    const how = setup.jobs?.[`${job.stepPath} ${job.stepGeneration} ${job.stepAttempt}`] ?? setup.jobs?.[job.stepPath] ?? {};
    const ended = { exitCode: how.exitCode ?? 0, stdout: how.stdout ?? '', stderr: '', artifacts: [] };
    const result = how.status === undefined ? JSON.stringify(ended) : null;
    rows.jobs.set(job.id, { ...job, status: how.status ?? 'completed', result, reason: how.status === undefined ? null : 'golden' });
    engine.onJobEnded(job.id);
  }
  return open.length > 0;
}
