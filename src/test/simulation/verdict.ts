/** Judges what a scenario left: invariants of every run, and where nobody meddled, every step against the reference simulator. */
import type { Json } from '../../contract/endpoint.ts';
import type { Definition } from '../../contract/graph.ts';
import { isTerminalInstance, isTerminalStep } from '../../contract/values.ts';
import type { InstanceRow, StepRow } from '../memory-store/rows.ts';
import type { Drive } from './drive.ts';
import { ANY, expectedOf, type Expected, type ExpectedStep } from './reference.ts';
import type { Scenario } from './scenario.ts';
import { inputOf } from './starts.ts';

/** @returns everything that is wrong, in words */
export function faultsOf(scenario: Scenario, { world, faults }: Drive): readonly string[] {
  const found = [...faults];
  for (const instance of world.rows.instances.values()) found.push(...invariants(world.rows, instance));
  for (const job of world.rows.jobs.values())
    if (job.status === 'queued' || job.status === 'running') found.push(`job ${job.id} of ${job.stepPath} is still ${job.status}`);
  if (scenario.isMeddled || found.length > 0) return found;
  for (const start of scenario.starts.starts) {
    const root = world.rows.instances.get(start.id);
    if (root === undefined || isHeldBack(root)) continue;
    found.push(...compare(world.rows, root, expectedOf(scenario.definition, inputOf(start, scenario.input), scenario.child)));
  }
  for (const instance of world.rows.instances.values()) if (instance.parentId !== null) found.push(...compareChild(world.rows, instance, scenario.child));
  return found;
}

/** Limits cancelled it; whether they might is watched while things run. */
function isHeldBack({ status, error }: InstanceRow): boolean {
  return status === 'cancelled' && error !== null && ['limit_reached', 'gave_way'].includes((JSON.parse(error) as { code: string }).code);
}

type AllRows = Drive['world']['rows'];

function stepsOf(rows: AllRows, id: string): StepRow[] {
  return [...(rows.steps.get(id)?.values() ?? [])];
}

function invariants(rows: AllRows, instance: InstanceRow): string[] {
  const { id } = instance;
  const found: string[] = [];
  if (!isTerminalInstance(instance.status)) found.push(`${id} is ${instance.status} in the end`);
  const events = rows.events.get(id) ?? [];
  for (const [index, event] of events.entries())
    if (event.sequence !== index + 1) {
      found.push(`event ${index + 1} of ${id} has the number ${event.sequence} (${event.type})`);
      break;
    }
  const ends = new Map<string, number>();
  for (const event of events) {
    const { path, generation, status } = event.payload as { path?: string; generation?: number; status: string };
    if (path !== undefined && isTerminalStep(status as StepRow['status'])) ends.set(`${path} ${generation}`, (ends.get(`${path} ${generation}`) ?? 0) + 1);
  }
  for (const row of stepsOf(rows, id)) {
    if (!isTerminalStep(row.status))
      found.push(`step ${row.path} (generation ${row.generation}) of ${id} is ${row.status} although the instance is ${instance.status}`);
    const count = ends.get(`${row.path} ${row.generation}`) ?? 0;
    if (isTerminalStep(row.status) && count !== 1) found.push(`step ${row.path} (generation ${row.generation}) of ${id} has ${count} events of its end`);
    found.push(...attemptFaults(rows, row));
  }
  return found;
}

/** Every attempt before the one that stands is recorded, once. */
function attemptFaults(rows: AllRows, row: StepRow): string[] {
  if (row.path.endsWith(']') || row.status === 'cancelled' || row.reason?.includes('by hand') === true) return [];
  for (let attempt = 1; attempt < row.attempt; attempt++)
    if (!rows.attempts.has(`${row.instanceId} ${row.path} ${row.generation} ${attempt}`))
      return [`attempt ${attempt} of ${row.path} (generation ${row.generation}) is not recorded`];
  return [];
}

function compareChild(rows: AllRows, instance: InstanceRow, child: Definition): string[] {
  if (instance.status === 'cancelled') return [];
  return compare(rows, instance, expectedOf(child, JSON.parse(instance.input) as Json, undefined));
}

function compare(rows: AllRows, instance: InstanceRow, expected: Expected): string[] {
  const found: string[] = [];
  const error = instance.error === null ? null : (JSON.parse(instance.error) as { code: string; step?: string });
  if (!expected.ends.some((end) => end === instance.status))
    found.push(
      `${instance.id} is ${instance.status} (${instance.error ?? ''}), expected ${expected.ends.join(' or ')}${expected.causes.length > 0 ? ` by ${expected.causes.join(', ')}` : ''}`,
    );
  if (instance.status === 'completed' && !matches(expected.output, JSON.parse(instance.output ?? 'null') as Json))
    found.push(`the output of ${instance.id} is ${instance.output}, expected ${JSON.stringify(expected.output)}`);
  if (instance.status === 'failed' && error !== null && !expected.causes.includes((error.step ?? '').replace(/[[/].*$/, '')))
    found.push(`${instance.id} failed at ${error.step ?? '?'}, expected one of ${expected.causes.join(', ')}`);
  const newest = new Map<string, StepRow>();
  for (const row of stepsOf(rows, instance.id)) if ((newest.get(row.path)?.generation ?? 0) < row.generation) newest.set(row.path, row);
  for (const [path, step] of expected.steps) found.push(...compareStep(path, step, newest.get(path)));
  for (const path of newest.keys()) if (!expected.steps.has(path)) found.push(`step ${path} of ${instance.id} should not be there`);
  return found;
}

function compareStep(path: string, expected: ExpectedStep, row: StepRow | undefined): string[] {
  if (row === undefined) return expected.isSure ? [`step ${path} is missing, expected ${expected.status}`] : [];
  // Cut short, or left from an earlier round that was.
  if (!expected.isSure && (row.status === 'cancelled' || expected.isFirstRound !== (row.generation === 1) || path.split('[').length > 2)) return [];
  const what = `step ${path} (generation ${row.generation})`;
  if (row.status !== expected.status)
    return [`${what} is ${row.status} (${row.error ?? row.reason ?? ''}), expected ${expected.status} ${expected.code ?? ''}`];
  if (row.attempt !== expected.attempt) return [`${what} has attempt ${row.attempt}, expected ${expected.attempt}`];
  const code = row.error === null ? undefined : (JSON.parse(row.error) as { code: string }).code;
  if (expected.code !== undefined && code !== expected.code) return [`${what} failed with ${code ?? 'nothing'}, expected ${expected.code}`];
  const hasOutput = row.output !== null;
  if (hasOutput !== (expected.output !== undefined))
    return [`${what} has ${hasOutput ? `the output ${row.output}` : 'no output'}, expected ${JSON.stringify(expected.output)}`];
  if (row.output !== null && !matches(expected.output ?? null, JSON.parse(row.output) as Json))
    return [`${what} gave ${row.output}, expected ${JSON.stringify(expected.output)}; its input was ${row.input ?? ''}`];
  return [];
}

function matches(expected: Json, actual: Json): boolean {
  if (expected === ANY) return true;
  if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null) return expected === actual;
  if (Array.isArray(expected) !== Array.isArray(actual)) return false;
  const [wanted, given] = [expected as Record<string, Json>, actual as Record<string, Json>];
  const keys = new Set([...Object.keys(wanted), ...Object.keys(given)]);
  return [...keys].every((key) => Object.hasOwn(wanted, key) && Object.hasOwn(given, key) && matches(wanted[key] ?? null, given[key] ?? null));
}
