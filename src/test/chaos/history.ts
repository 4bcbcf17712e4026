/** What a chaos campaign saw from outside, and the judgement over it. Pure: the campaign collects, this decides.
 *  Promises judged: an acknowledged run survives; each step has one recorded result, which really was computed; a step runs again only
 *  across a death, and never once its result is recorded; every run ends as its model says; events are gapless; commands hold. */

export interface Acknowledged {
  /** The client's own name of the run, also its Idempotency-Key. */
  readonly run: string;
  readonly instanceId: string;
}

/** One time that a step's effect happened, as the effect's receiver saw it. */
export interface Execution {
  readonly id: string;
  readonly run: string;
  readonly step: string;
  /** `instance/path/generation`: what the step said it may be known by. */
  readonly key: string;
  /** ms on the campaign's clock. */
  readonly at: number;
  /** The receiver refused: the step is to be tried again, or to fail. */
  readonly isRefused: boolean;
}

export const strikes = ['studio', 'stop', 'tree', 'postgres', 'redis', 'freeze-studio', 'freeze-postgres'] as const;
/** `tree`: Studio with everything it started. `stop` is SIGTERM, after which nothing may be done again. A freeze is SIGSTOP, then SIGCONT. */
export type Strike = (typeof strikes)[number];

/** What holds results that are not recorded yet dies with these; Redis holds none, and what is frozen goes on. */
const DEADLY: ReadonlySet<Strike> = new Set(['studio', 'tree', 'postgres']);

export interface Blow {
  readonly target: Strike;
  /** Just before the signal. */
  readonly at: number;
  /** When all was well again: until then what was in flight may still arrive, and can't be recorded. */
  readonly until: number;
}

export interface FoundStep {
  readonly path: string;
  readonly generation: number;
  readonly status: string;
  /** Which execution's result is recorded. */
  readonly execution: string | undefined;
  /** ms on the machine's clock. */
  readonly endedAt: number | undefined;
}

/** An instance as the API tells it after the campaign. */
export interface Found {
  readonly id: string;
  readonly workflow: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly status: string;
  readonly output: unknown;
  /** As the API tells it, when it failed. */
  readonly error: unknown;
  readonly steps: readonly FoundStep[];
  readonly sequences: readonly number[];
}

/** How a run must end. */
export interface Expected {
  readonly statuses: readonly string[];
  /** Of a completed one. */
  readonly output: unknown;
  /** Of a completed one: the newest generation of every path named. */
  readonly steps?: Readonly<Record<string, string>>;
}

/** A client's command that was answered. */
export interface Act {
  readonly instanceId: string;
  readonly name: string;
  readonly status: number;
}

export interface History {
  readonly acknowledged: readonly Acknowledged[];
  readonly executions: readonly Execution[];
  readonly blows: readonly Blow[];
  readonly found: readonly Found[];
  readonly acts: readonly Act[];
  /** Answers that no client may get, whatever dies: 500 and the like. */
  readonly faults: readonly string[];
  /** Rules of the database and the machine that do not hold. */
  readonly broken: readonly string[];
  expect(found: Found): Expected;
}

/** Each list is empty when the promise held; its entries name what broke it. */
export interface Verdict {
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  readonly stuck: readonly string[];
  readonly wrong: readonly string[];
  readonly faults: readonly string[];
  readonly broken: readonly string[];
}

export function judge(history: History): Verdict {
  const ended = history.found.filter(isEnded);
  return {
    lost: findLost(history),
    duplicated: [...findTwins(history), ...findNeedless(history), ...findLate(history)],
    stuck: history.found.filter((found) => !isEnded(found)).map((found) => `${found.id} (${found.workflow}) is ${found.status}`),
    wrong: [...ended.flatMap((found) => findWrong(found, history)), ...findUnheeded(history)],
    faults: history.faults,
    broken: history.broken,
  };
}

export function isClean(verdict: Verdict): boolean {
  return Object.values(verdict).every((list: readonly string[]) => list.length === 0);
}

function isEnded(found: Found): boolean {
  return ['completed', 'failed', 'cancelled'].includes(found.status);
}

function findLost(history: History): string[] {
  const ids = new Set(history.found.map((found) => found.id));
  return history.acknowledged.filter((acked) => !ids.has(acked.instanceId)).map((acked) => `${acked.run}: ${acked.instanceId} was acknowledged and is gone`);
}

/** One run has one instance, however often it was submitted; one step has one result. */
function findTwins(history: History): string[] {
  const named = [
    ...history.found.map(({ id, input }) => ({ id, run: String(input['run']) })),
    ...history.acknowledged.map(({ instanceId, run }) => ({ id: instanceId, run })),
  ];
  const runs = groupBy(named, ({ run }) => run).flatMap(([run, group]) => {
    const ids = new Set(group.map(({ id }) => id));
    return ids.size > 1 ? [`${run} became ${[...ids].join(' and ')}`] : [];
  });
  const results = history.found.flatMap((found) =>
    groupBy(found.steps, (step) => `${step.path}#${step.generation}`).flatMap(([name, group]) =>
      group.length > 1 ? [`${found.id} has ${group.length} results of ${name}`] : [],
    ),
  );
  return [...runs, ...results];
}

/** A step may run again only if something that held its result died in between, once for each death. */
export function findNeedless(history: Pick<History, 'executions' | 'blows'>): string[] {
  const deaths = history.blows.filter((blow) => DEADLY.has(blow.target));
  return groupBy(history.executions, (execution) => execution.key).flatMap(([key, group]) => {
    const times = group.toSorted((a, b) => a.at - b.at);
    let next = 0;
    return times.slice(1).flatMap((execution, index) => {
      const before = times[index];
      // What was refused is tried again: that is what it was refused for.
      if (before === undefined || before.isRefused) return [];
      const cause = deaths.findIndex((death, place) => place >= next && death.until >= before.at && death.at <= execution.at);
      if (cause < 0) return [`${key} ran again after ${Math.round(execution.at - before.at)} ms, with no death between`];
      next = cause + 1;
      return [];
    });
  });
}

/** The clocks are one machine's, and an effect comes before the end of its step: anything after the recorded end is an execution too many. */
const CLOCK_SLACK_MS = 5;

function findLate(history: History): string[] {
  const byKey = new Map(groupBy(history.executions, (execution) => execution.key));
  return history.found.flatMap((found) =>
    found.steps.flatMap((step) => {
      const { endedAt, execution } = step;
      if (endedAt === undefined || execution === undefined) return [];
      const late = (byKey.get(`${found.id}/${step.path}/${step.generation}`) ?? []).filter((one) => one.at > endedAt + CLOCK_SLACK_MS);
      return late.map((one) => `${one.key} ran again as ${one.id}, ${Math.round(one.at - endedAt)} ms after its recorded end`);
    }),
  );
}

function findWrong(found: Found, history: History): string[] {
  const faults: string[] = [];
  const name = `${found.id} (${found.workflow})`;
  const expected = history.expect(found);
  if (!expected.statuses.includes(found.status)) faults.push(`${name} is ${found.status}: ${JSON.stringify(found.error)}`);
  const done = new Set(executionsOf(history).get(found.id));
  for (const step of found.steps) {
    if (step.execution !== undefined && !done.has(`${step.path}/${step.generation} ${step.execution}`))
      faults.push(`${name} records for ${step.path} the result ${step.execution}, which nobody computed`);
    if (!ENDED_STEPS.has(step.status)) faults.push(`${name} has ended, and ${step.path} is ${step.status}`);
  }
  if (found.status === 'completed') faults.push(...findUnlike(found, expected));
  if (found.sequences.some((sequence, index) => sequence !== index + 1)) faults.push(`${name} has events ${found.sequences.join(',')}`);
  return faults;
}

const ENDED_STEPS: ReadonlySet<string> = new Set(['completed', 'failed', 'skipped', 'cancelled', 'timed_out', 'cached']);

function findUnlike(found: Found, expected: Expected): string[] {
  const faults: string[] = [];
  const name = `${found.id} (${found.workflow})`;
  if (JSON.stringify(found.output) !== JSON.stringify(expected.output)) faults.push(`${name} has the output ${JSON.stringify(found.output)}`);
  const newest = new Map(found.steps.toSorted((a, b) => a.generation - b.generation).map((step) => [step.path, step.status]));
  for (const [path, status] of Object.entries(expected.steps ?? {}))
    if (newest.get(path) !== status) faults.push(`${name} has ${path} ${newest.get(path) ?? 'not there'}, not ${status}`);
  if (expected.steps !== undefined)
    for (const path of newest.keys()) if (expected.steps[path] === undefined) faults.push(`${name} has ${path}, which its model has not`);
  return faults;
}

/** What was acknowledged as cancelled stays so. */
function findUnheeded(history: History): string[] {
  const byId = new Map(history.found.map((found) => [found.id, found]));
  return history.acts.flatMap((act) => {
    const found = byId.get(act.instanceId);
    return act.name === 'cancel' && act.status === 200 && found !== undefined && found.status !== 'cancelled'
      ? [`${act.instanceId} was cancelled, acknowledged, and is ${found.status}`]
      : [];
  });
}

/** By instance: `path/generation id` of what was executed and not refused. Made once a history. */
const executed = new WeakMap<readonly Execution[], ReadonlyMap<string, readonly string[]>>();

function executionsOf(history: History): ReadonlyMap<string, readonly string[]> {
  const known = executed.get(history.executions);
  if (known !== undefined) return known;
  const made = new Map(
    groupBy(
      history.executions.filter((execution) => !execution.isRefused),
      (execution) => execution.key.slice(0, execution.key.indexOf('/')),
    ).map(([id, group]) => [id, group.map((execution) => `${execution.key.slice(id.length + 1)} ${execution.id}`)] as const),
  );
  executed.set(history.executions, made);
  return made;
}

function groupBy<T>(items: readonly T[], nameOf: (item: T) => string): [string, T[]][] {
  return [...Map.groupBy(items, nameOf)];
}
