/** Drives one scenario to its end: starts it, does what people and jobs have to do, meddles and freezes where the seed says so, and watches
 *  what only shows while things run. */
import { isTerminalInstance, isTerminalStep } from '../../contract/values.ts';
import type { InstanceCommand, StepCommand } from '../../engine/state.ts';
import type { StoredWait } from '../../store/stored-steps.ts';
import { emptyRows, type InstanceRow, type StepRow } from '../memory-store/rows.ts';
import { actOf, type Script } from './acts.ts';
import { watchLimits, type LimitWatch } from './limits.ts';
import { between, chance, pick, type Random } from './random.ts';
import { CHILD_ID, type Scenario } from './scenario.ts';
import { inputOf, type Start } from './starts.ts';
import { createWorld, ORG, type World } from './world.ts';

/** Beyond this something is stuck: the longest scenario takes a minute or two of its own time. */
const LIMIT_MS = 15 * 60_000;
const LIMIT_STEPS = 200_000;
/** What follows an end (jobs, children) is tried again until the database answers. */
const QUIET_MS = 1_500;

export interface Drive {
  readonly world: World;
  /** What went wrong, in words. */
  readonly faults: string[];
}

export async function drive(scenario: Scenario, random: Random, lateness: Random): Promise<Drive> {
  const { chances, hasTwo, isHasty } = scenario;
  const rows = emptyRows();
  const limits: LimitWatch = watchLimits(
    rows,
    () => world.now(),
    () => (hasTwo ? undefined : world.sinceUp()),
  );
  const world: World = createWorld(rows, { random, lateness, chances, hasTwo, isHasty, heard: (...told) => limits.heard(...told) });
  world.rows.workflows.set('wf_root', { id: 'wf_root', name: 'Root', definition: scenario.definition });
  world.rows.workflows.set(CHILD_ID, { id: CHILD_ID, name: 'Child', definition: scenario.child });
  const state = { planned: new Map(), meddlings: 0, faults: [], wrongSince: new Map(), quietSince: undefined };
  const driver: Driver = { scenario, random, world, limits, startedAt: world.now(), ...state };
  world.boot();
  planTrouble(driver);
  const { startedAt } = driver;
  for (let steps = 0; !(await isOver(driver)); steps++) {
    if (world.now() - startedAt > LIMIT_MS || steps > LIMIT_STEPS || !world.step()) {
      driver.faults.push(`stuck after ${world.now() - startedAt} ms and ${steps} steps: ${stateOf(world)}`);
      break;
    }
  }
  for (const process of world.processes) if (!process.isDead) process.engine.crash();
  return { world, faults: [...driver.faults, ...world.faults, ...limits.faults.slice(0, 5), ...errorsOf(world, scenario.hasTwo)] };
}

interface Driver {
  readonly scenario: Scenario;
  readonly random: Random;
  readonly world: World;
  readonly limits: LimitWatch;
  readonly startedAt: number;
  /** What is already on its way. */
  readonly planned: Map<string, object>;
  /** Acts of people that are still to come. */
  meddlings: number;
  readonly faults: string[];
  readonly wrongSince: Map<string, number>;
  /** Everything has ended since. */
  quietSince: number | undefined;
}

async function isOver(driver: Driver): Promise<boolean> {
  const { world } = driver;
  await world.settle();
  if (world.front() === undefined) driver.wrongSince.clear();
  if (world.door() === undefined) return false;
  const isStarted = startAll(driver);
  for (const instance of world.rows.instances.values()) {
    if (isTerminalInstance(instance.status)) continue;
    attend(driver, instance);
    if (!driver.scenario.hasTwo && world.front() !== undefined) watchActivity(driver, instance);
  }
  if (!isStarted || world.front() === undefined) return false;
  const isQuiet = [...world.rows.instances.values()].every((instance) => isTerminalInstance(instance.status)) && driver.meddlings === 0;
  if (!isQuiet || world.openCalls > 0 || world.processes.some((process) => process.isFrozen)) driver.quietSince = undefined;
  else driver.quietSince ??= world.now();
  return driver.quietSince !== undefined && world.now() - driver.quietSince >= QUIET_MS;
}

/** Nobody asks again before: an answer may take as long, and never comes from a process that dies. */
const PATIENCE_MS = 3_000;
const AGAIN_MS = 500;

/** Does something once, a while from now, unless it is on its way already. */
function plan(driver: Driver, name: string, ms: number, act: () => Promise<unknown> | undefined): void {
  if (driver.planned.has(name)) return;
  const mark = {};
  driver.planned.set(name, mark);
  const over = (): void => void (driver.planned.get(name) === mark && driver.planned.delete(name));
  driver.world.after(ms, () => {
    driver.world.after(PATIENCE_MS, over);
    const done = act();
    if (done === undefined) over();
    // Refused, it is not asked at once again.
    else void done.finally(() => driver.world.after(AGAIN_MS, over));
  });
}

/** @returns whether all instances are there */
function startAll(driver: Driver): boolean {
  const { random, scenario, world } = driver;
  const missing = scenario.starts.starts.filter(({ id }) => !world.rows.instances.has(id));
  if (missing.length > 0 && scenario.starts.isBatch) plan(driver, 'start', between(random, 0, 50), () => startBatch(driver));
  else if (missing.length > 0)
    for (const one of missing)
      plan(driver, `start ${one.id}`, between(random, 0, 50) + Math.max(0, driver.startedAt + one.afterMs - world.now()), () => start(driver, one));
  return missing.length === 0;
}

const REQUEST = { orgId: ORG, workflowId: 'wf_root', startedBy: 'manual', requestId: 'req_sim' };

function start({ world, scenario }: Driver, one: Start): Promise<unknown> | undefined {
  const { debug, input } = scenario;
  return world
    .door()
    ?.startInstance({ ...REQUEST, id: one.id, input: inputOf(one, input), priority: one.priority, debug })
    .catch(ignore);
}

function startBatch({ world, scenario }: Driver): Promise<unknown> | undefined {
  const { debug, input, starts } = scenario;
  return world
    .door()
    ?.startBatch({ ...REQUEST, ids: starts.starts.map(({ id }) => id), inputs: starts.starts.map((one) => inputOf(one, input)), debug })
    .catch(ignore);
}

/** A refusal, or a connection lost: it is asked again. */
function ignore(): void {}

/** What somebody outside has to do so that an instance goes on. */
function attend(driver: Driver, instance: InstanceRow): void {
  const { world, random } = driver;
  if (instance.status === 'paused')
    plan(driver, `${instance.id} resume`, between(random, 1, 300), () => {
      return world.rows.instances.get(instance.id)?.status === 'paused' ? command(driver, instance.id, 'resume') : undefined;
    });
  if (instance.status === 'pending') letInByHand(driver, instance);
  for (const row of world.rows.steps.get(instance.id)?.values() ?? []) {
    if (row.status === 'waiting') answer(driver, instance, row);
    else if (row.status === 'queued' && row.jobId !== null) runJob(driver, instance, row, row.jobId);
  }
}

function letInByHand(driver: Driver, { id }: InstanceRow): void {
  const { handMs } = driver.scenario.starts.starts.find((one) => one.id === id) ?? {};
  if (handMs === undefined) return;
  plan(driver, `${id} start`, handMs, () => {
    if (driver.world.rows.instances.get(id)?.status !== 'pending') return undefined;
    driver.limits.exempt(id);
    return command(driver, id, 'start');
  });
}

function answer(driver: Driver, instance: InstanceRow, row: StepRow): void {
  const wait = JSON.parse(row.wait ?? 'null') as StoredWait | null;
  const name = `${instance.id} ${row.path} ${row.generation} ${wait?.kind ?? ''}`;
  if (wait?.kind === 'manual_trigger' || wait?.kind === 'debug_pause')
    plan(driver, name, between(driver.random, 1, 200), () => stepCommand(driver, instance.id, row.path, 'start', {}));
  if (wait?.kind !== 'webhook') return;
  const given = (wait.state as unknown as { given: { script: Script; at?: number } }).given;
  const act = actOf(given.script, { at: given.at ?? 0, row: row.generation > 1 ? 1 : 0, attempt: row.attempt });
  if (act.do !== 'call back' || act.answer === 'timeout') return;
  plan(driver, name, between(driver.random, 1, 400), () => stepCommand(driver, instance.id, row.path, 'callback', { output: { hello: 1 }, token: wait.token }));
}

function runJob(driver: Driver, instance: InstanceRow, row: StepRow, jobId: string): void {
  if (driver.world.rows.jobs.get(jobId)?.status !== 'queued') return;
  const input = JSON.parse(row.input ?? '{}') as { script: Script };
  const act = actOf(input.script, { at: 0, row: row.generation > 1 ? 1 : 0, attempt: row.attempt });
  plan(driver, jobId, 'ms' in act ? act.ms : 1, () => {
    driver.world.endJob(jobId, act.do === 'fail' ? 1 : 0);
    return undefined;
  });
  if (chance(driver.random, 0.3))
    for (const process of driver.world.processes) if (process.isUp && !process.isFrozen) process.engine.onJobStarted({ id: jobId });
  void instance;
}

function command({ world }: Driver, id: string, name: InstanceCommand): Promise<unknown> | undefined {
  return world.door()?.commandInstance({ orgId: ORG, id, command: name, requestId: 'req_sim' }).catch(ignore);
}

interface Given {
  readonly output?: { readonly [key: string]: number };
  readonly token?: string | undefined;
}

function stepCommand({ world }: Driver, id: string, path: string, name: StepCommand, given: Given): Promise<unknown> | undefined {
  return world
    .door()
    ?.commandStep({ orgId: ORG, id, path, command: name, requestId: 'req_sim', ...given })
    .catch(ignore);
}

/** Pauses, freezes, and where the scenario has them, all that people can do to steps. */
function planTrouble(driver: Driver): void {
  const { random, scenario, world } = driver;
  const later = (ms: number, act: () => void): void => {
    driver.meddlings += 1;
    world.after(ms, () => {
      driver.meddlings -= 1;
      act();
    });
  };
  if (chance(random, 0.3)) later(between(random, 5, 600), () => void command(driver, scenario.starts.starts[0]?.id ?? '', 'pause'));
  if (scenario.isMeddled) for (let count = between(random, 1, 6); count > 0; count--) later(between(random, 5, 1_500), () => meddle(driver));
  if (!scenario.hasTwo) return;
  later(between(random, 1, 300), () => world.boot());
  const freezeAt = between(random, 20, 900);
  later(freezeAt, () => {
    const [process] = world.processes.filter((one) => one.isUp && !one.isDead);
    if (process === undefined) return;
    world.freeze(process);
    later(between(random, 100, 40_000), () => world.thaw(process));
  });
}

const STEP_COMMANDS = ['retry', 'retry', 'skip', 'complete', 'cancel', 'result'] as const;

function meddle(driver: Driver): void {
  const { random, world } = driver;
  const instance = pick(random, [...world.rows.instances.values()]);
  const rows = [...(world.rows.steps.get(instance?.id ?? '')?.values() ?? [])];
  if (instance === undefined) return;
  // Whatever it is: it may set the instance running again.
  driver.limits.exempt(instance.id);
  if (isTerminalInstance(instance.status) && chance(random, 0.6)) return void command(driver, instance.id, 'retry');
  if (rows.length === 0 || chance(random, 0.15)) return void command(driver, instance.id, pick(random, ['pause', 'cancel', 'retry']));
  void stepCommand(driver, instance.id, pick(random, rows).path, pick(random, STEP_COMMANDS), { output: { v: 7 } });
}

/** Longest that the status may be behind what the steps do: results of pure steps are written a little later. */
const SLACK_MS = 400;
/** The same where connections are lost: the journal pauses longer with each. */
const LOSSY_SLACK_MS = 2_500;

/** An instance is `waiting` when nothing of it runs, is ready or pauses for a retry, and something waits. */
function watchActivity(driver: Driver, instance: InstanceRow): void {
  const { world } = driver;
  const { isBusy, isWaiting } = activityOf(world, instance.id);
  const isWrong = world.openCalls === 0 && ((instance.status === 'waiting' && isBusy) || (instance.status === 'running' && !isBusy && isWaiting));
  if (!isWrong) return void driver.wrongSince.delete(instance.id);
  const since = driver.wrongSince.get(instance.id) ?? world.now();
  driver.wrongSince.set(instance.id, since);
  if (world.now() - since <= (driver.scenario.chances.lost > 0 ? LOSSY_SLACK_MS : SLACK_MS)) return;
  driver.faults.push(
    `${instance.id} is ${instance.status} for ${world.now() - since} ms although ${isBusy ? 'something of it runs' : 'everything of it waits'}: ${stateOf(world)}`,
  );
  driver.wrongSince.set(instance.id, Infinity);
}

function activityOf(world: World, id: string): { readonly isBusy: boolean; readonly isWaiting: boolean } {
  let isBusy = (world.inFlight.get(id) ?? 0) > 0;
  let isWaiting = false;
  for (const row of world.rows.steps.get(id)?.values() ?? []) {
    // A row opened by a retry may be ready, or wait for what comes before it: nothing is said of it.
    if (row.status === 'pending') return { isBusy: false, isWaiting: false };
    if (row.status !== 'waiting' && !isTerminalStep(row.status) && row.jobId !== null) isBusy = true;
    if (row.status !== 'waiting') continue;
    const wait = JSON.parse(row.wait ?? 'null') as StoredWait | null;
    // A row says that it pauses until what comes after the pause has something to say.
    if (wait?.kind === 'retry') isBusy ||= Date.parse(wait.until ?? '') > world.now();
    else if (wait?.kind === 'child') isBusy = true;
    else isWaiting = true;
  }
  return { isBusy, isWaiting };
}

function stateOf(world: World): string {
  const parts: string[] = [];
  for (const instance of world.rows.instances.values()) {
    const open = [...(world.rows.steps.get(instance.id)?.values() ?? [])].filter((row) => !isTerminalStep(row.status));
    parts.push(`${instance.id} ${instance.status} (${open.map((row) => `${row.path}/${row.generation} ${row.status} ${row.wait ?? ''}`).join(', ')})`);
  }
  return `${parts.join('; ')}; processes ${world.processes.map((one) => `${one.name}${one.isDead ? ' dead' : ''}${one.isFrozen ? ' frozen' : ''}`).join(', ')}`;
}

/** What the engine says somebody must look at. A node that breaks is the scenario's own, and where two processes are asked to start the same
 *  instance, one of them finds it there. */
function errorsOf(world: World, hasTwo: boolean): string[] {
  return world.errors.filter((error) => !error.includes(': a node crashed') && !(hasTwo && error.includes('a transition could not be recorded'))).slice(0, 5);
}
