/** The last results of an open editor: what the server remembers of each node, and the test run that is under way, live.
 *  Reads by snapshot and events; the outputs of a running test are read when their step has ended. */
import { computed, effect, signal, untracked } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { Json } from '../../src/contract/endpoint.ts';
import type { Instance, Step } from '../../src/contract/instances.ts';
import type { Answered, LastOutput, TestScope } from '../../src/contract/test-runs.ts';
import { asApiError, call } from '../api.ts';
import type { ApiError } from '../api.ts';
import { live } from '../connection.ts';
import { createInstance } from '../state/instance.ts';
import type { InstanceState } from '../state/instance.ts';
import type { EditorDocument } from './document.ts';
import { followedResults, prefixOf, rememberedResults } from './last-results.ts';
import type { StepResult } from './last-results.ts';
import { readLastInput, writeLastInput } from './last-input.ts';

export interface LastRun {
  /** By node key of the open scope. */
  readonly results: ReadonlySignal<ReadonlyMap<string, StepResult>>;
  /** By key of every scope around the open one too: what expressions inside a body can read. */
  readonly outer: ReadonlySignal<ReadonlyMap<string, StepResult>>;
  /** The test run that is followed. */
  readonly instance: ReadonlySignal<Instance | undefined>;
  /** A test run is starting or under way. */
  readonly busy: ReadonlySignal<boolean>;
  /** Why the last test could not be started. */
  readonly error: ReadonlySignal<ApiError | undefined>;
  /** What stood for nodes that did not run. */
  readonly answered: ReadonlySignal<readonly Answered[]>;
  /** The input of the last test, or of the newest instance; undefined: none yet. */
  readonly input: ReadonlySignal<Json | undefined>;
  /** Which item of the open body is shown. */
  readonly item: ReadonlySignal<number>;
  showItem(item: number): void;
  setInput(input: Json): void;
  test(run: TestScope, input?: Json): Promise<void>;
  stop(): Promise<void>;
  clearError(): void;
  start(): void;
  close(): void;
}

// Ended instances of the workflow are read together when several end at once.
const RELOAD_MS = 600;
// Least time between two looks at a body whose steps go on.
const BODY_MS = 500;

export function createLastRun(document: EditorDocument, workflowId: string): LastRun {
  const remembered = signal<readonly LastOutput[]>([]);
  const rememberedInput = signal<Json | undefined>(undefined);
  const typedInput = signal<Json | undefined>(readLastInput(workflowId));
  const followed = signal<InstanceState | undefined>(undefined);
  const answered = signal<readonly Answered[]>([]);
  const starting = signal(false);
  const error = signal<ApiError | undefined>(undefined);
  const item = signal(0);
  const inBody = signal<ReadonlyMap<string, Step>>(new Map());
  const outputs = signal<ReadonlyMap<string, { readonly seq: number; readonly output: unknown }>>(new Map());
  const stops: (() => void)[] = [];
  let reloadTimer: ReturnType<typeof setTimeout> | undefined;
  let bodyTimer: ReturnType<typeof setTimeout> | undefined;
  let isFollowing = false;

  const page = computed(() => followed.value?.value.value);
  const instance = computed(() => page.value?.instance);
  const busy = computed(() => starting.value || (instance.value !== undefined && instance.value.endedAt === null));
  const keysOf = (keys: readonly string[]): ReadonlySet<string> => new Set(keys);

  const resultsFor = (keys: ReadonlySet<string>, prefix: string): ReadonlyMap<string, StepResult> => {
    const found = rememberedResults(remembered.value, keys);
    const run = page.value;
    if (run === undefined) return found;
    const steps = prefix === '' ? run.steps : new Map([...run.steps, ...inBody.value]);
    const own = {
      instanceId: run.instance.id,
      isTest: true,
      steps,
      counts: run.items,
      answered: keysOf(answered.value.map((each) => each.key)),
      outputs: outputs.value,
    };
    return new Map([...found, ...followedResults(keys, prefix, own)]);
  };
  const results = computed(() => resultsFor(keysOf(document.graph.value.nodes.map((node) => node.key)), prefixOf(document.scope.value, item.value)));
  const outer = computed(() => {
    const scope = document.scope.value;
    const top = resultsFor(keysOf(document.definition.value.nodes.map((node) => node.key)), '');
    return scope.length === 0 ? results.value : new Map([...rememberedResults(remembered.value, document.keys.value), ...top, ...results.value]);
  });

  const reload = async (): Promise<void> => {
    try {
      const answer = await call('GET /api/v1/workflows/{id}/last-outputs', { params: { id: workflowId } });
      remembered.value = answer.items;
      rememberedInput.value = answer.input?.value;
      if (!isFollowing) follow(answer.cursor);
    } catch {
      // Without what ran before the editor works; the next run brings it.
    }
  };
  const reloadSoon = (): void => {
    clearTimeout(reloadTimer);
    reloadTimer = setTimeout(() => void reload(), RELOAD_MS);
  };
  const follow = (cursor: string): void => {
    isFollowing = true;
    const ended = /^engine:instance:(completed|failed|cancelled)$/;
    const onEvent = (event: { readonly event_type: string }): void => {
      if (ended.test(event.event_type)) reloadSoon();
    };
    stops.push(live.subscribe([`workflow:${workflowId}`], { onEvent, onReset: reloadSoon }, cursor));
  };

  /** Reads what has ended and is not held yet: outputs travel with no event. */
  const readEnded = async (): Promise<void> => {
    const run = page.value;
    const state = followed.value;
    if (run === undefined || state === undefined) return;
    const wanted = [...run.steps.values()].filter(
      (step) => step.endedAt !== null && step.output === null && outputs.value.get(step.path)?.seq !== step.seq && !step.path.includes('['),
    );
    if (wanted.length === 0) return;
    outputs.value = new Map([...outputs.value, ...wanted.map((step) => [step.path, { seq: step.seq, output: undefined }] as const)]);
    await Promise.all(
      wanted.map(async (step) => {
        const found = await readStep(run.instance.id, step.path);
        if (followed.value === state && found !== undefined) outputs.value = new Map(outputs.value).set(step.path, { seq: found.seq, output: found.output });
      }),
    );
  };
  const readBody = async (): Promise<void> => {
    const run = page.value;
    const scope = document.scope.value;
    if (run === undefined || scope.length === 0) return;
    const under = prefixOf(scope, item.value).slice(0, -1);
    try {
      const found = await call('GET /api/v1/instances/{id}/steps', { params: { id: run.instance.id }, query: { under, limit: 200 } });
      inBody.value = new Map(found.items.map((step) => [step.path, step]));
    } catch {
      inBody.value = new Map();
    }
  };

  // Of the open body: read when it is opened, when another item is looked at, and now and then while the run goes on.
  const bodyShown = computed(() =>
    document.scope.value.length === 0 ? '' : `${page.value?.instance.id} ${page.value?.bodySeq} ${prefixOf(document.scope.value, item.value)}`,
  );
  const readBodySoon = (): void => {
    bodyTimer ??= setTimeout(() => {
      bodyTimer = undefined;
      void readBody();
    }, BODY_MS);
  };

  return {
    ...{ results, outer, instance, busy, error, answered, item },
    input: computed(() => typedInput.value ?? rememberedInput.value),
    showItem: (next) => void (item.value = Math.max(0, next)),
    setInput(input) {
      typedInput.value = input;
      writeLastInput(workflowId, input);
    },
    async test(run, input) {
      if (starting.value) return;
      starting.value = true;
      error.value = undefined;
      try {
        const body = { definition: document.definition.value, run, ...(input === undefined ? {} : { input }) };
        const made = await call('POST /api/v1/workflows/{id}/test-runs', { params: { id: workflowId }, body, timeoutMs: 60_000 });
        followed.value?.close();
        answered.value = made.answered;
        outputs.value = new Map();
        inBody.value = new Map();
        const state = createInstance(made.instanceId);
        state.start();
        followed.value = state;
      } catch (fault) {
        error.value = asApiError(fault);
      } finally {
        starting.value = false;
      }
    },
    async stop() {
      const id = instance.value?.id;
      if (id === undefined) return;
      try {
        followed.value?.put(await call('POST /api/v1/instances/{id}/cancel', { params: { id } }));
      } catch (fault) {
        error.value = asApiError(fault);
      }
    },
    clearError: () => void (error.value = undefined),
    start() {
      void reload();
      stops.push(
        effect(() => {
          if (page.value !== undefined) untracked(() => void readEnded());
        }),
      );
      stops.push(
        effect(() => {
          if (bodyShown.value !== '') untracked(readBodySoon);
        }),
      );
    },
    close() {
      clearTimeout(reloadTimer);
      clearTimeout(bodyTimer);
      for (const stop of stops.splice(0)) stop();
      followed.value?.close();
    },
  };
}

async function readStep(id: string, path: string): Promise<Step | undefined> {
  try {
    const found = await call('GET /api/v1/instances/{id}/steps', { params: { id }, query: { path, limit: 200 } });
    return found.items.toSorted((a, b) => b.generation - a.generation)[0];
  } catch {
    return undefined;
  }
}
