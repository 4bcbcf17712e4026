/** What a chaos campaign saw from outside, and the judgement over it. Pure: the campaign collects, this decides.
 *  Promises judged: an acknowledged run survives; each step has one recorded result, which really was computed; a step runs again only
 *  across a kill; every run ends as its model says; events are gapless. */

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
  /** ms on the campaign's clock. */
  readonly at: number;
}

export interface Kill {
  readonly target: 'studio' | 'postgres' | 'redis';
  /** Just before the signal. */
  readonly at: number;
  /** When all was well again: until then what was in flight may still arrive, and can't be recorded. */
  readonly until: number;
}

/** An instance as the API tells it after the campaign. */
export interface Found {
  readonly id: string;
  readonly run: string;
  readonly status: string;
  readonly output: unknown;
  /** As the API tells it, when it failed. */
  readonly error: unknown;
  readonly steps: readonly { readonly path: string; readonly generation: number; readonly status: string; readonly execution: string | undefined }[];
  readonly sequences: readonly number[];
}

export interface History {
  readonly acknowledged: readonly Acknowledged[];
  readonly executions: readonly Execution[];
  readonly kills: readonly Kill[];
  readonly found: readonly Found[];
  /** Answers that no client may get, whatever dies: 500 and the like. */
  readonly faults: readonly string[];
  outputOf(run: string): unknown;
}

/** Each list is empty when the promise held; its entries name what broke it. */
export interface Verdict {
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  readonly stuck: readonly string[];
  readonly wrong: readonly string[];
  readonly faults: readonly string[];
}

export function judge(history: History): Verdict {
  const ended = history.found.filter(isEnded);
  return {
    lost: findLost(history),
    duplicated: [...findTwins(history), ...findNeedless(history)],
    stuck: history.found.filter((found) => !isEnded(found)).map((found) => `${found.id} is ${found.status}`),
    wrong: ended.flatMap((found) => findWrong(found, history)),
    faults: history.faults,
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
  const named = [...history.found.map(({ id, run }) => ({ id, run })), ...history.acknowledged.map(({ instanceId, run }) => ({ id: instanceId, run }))];
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

/** A step may run again only if something that held its result died in between. Redis holds none. */
function findNeedless(history: History): string[] {
  const kills = history.kills.filter((kill) => kill.target !== 'redis');
  return groupBy(history.executions, (execution) => `${execution.run}/${execution.step}`).flatMap(([name, group]) => {
    const times = group.map((execution) => execution.at).toSorted((a, b) => a - b);
    return times.slice(1).flatMap((at, index) => {
      const before = times[index] ?? 0;
      return kills.some((kill) => kill.until >= before && kill.at <= at) ? [] : [`${name} ran again after ${Math.round(at - before)} ms, with no kill between`];
    });
  });
}

function findWrong(found: Found, history: History): string[] {
  const faults: string[] = [];
  if (found.status !== 'completed') faults.push(`${found.id} is ${found.status}: ${JSON.stringify(found.error)}`);
  if (JSON.stringify(found.output) !== JSON.stringify(history.outputOf(found.run))) faults.push(`${found.id} has the output ${JSON.stringify(found.output)}`);
  const done = new Set(history.executions.filter((execution) => execution.run === found.run).map((execution) => `${execution.step} ${execution.id}`));
  for (const step of found.steps) {
    if (step.execution !== undefined && !done.has(`${step.path} ${step.execution}`))
      faults.push(`${found.id} records for ${step.path} the result ${step.execution}, which nobody computed`);
    if (!['completed', 'skipped'].includes(step.status)) faults.push(`${found.id} has ${step.path} ${step.status}`);
  }
  if (found.sequences.some((sequence, index) => sequence !== index + 1)) faults.push(`${found.id} has events ${found.sequences.join(',')}`);
  return faults;
}

function groupBy<T>(items: readonly T[], nameOf: (item: T) => string): [string, T[]][] {
  return [...Map.groupBy(items, nameOf)];
}
