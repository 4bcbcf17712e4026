/** Runs seeds: makes the scenario, drives it, judges it. A seed that fails is printed with how to run it again, made smaller where that is cheap. */
import type { Definition } from '../../contract/graph.ts';
import { validate } from '../../engine/validate.ts';
import type { NodeTypes } from '../../nodes/kit.ts';
import { nodeTypes } from '../../nodes/index.ts';
import { randomOf } from '../chaos/random.ts';
import { simulatedTypes } from './acts.ts';
import { drive } from './drive.ts';
import { scenarioOf, type Scenario } from './scenario.ts';
import { faultsOf } from './verdict.ts';

export interface Failure {
  readonly seed: number;
  readonly faults: readonly string[];
  /** The smallest scenario that fails likewise. */
  readonly scenario: Scenario;
}

export interface Outcome {
  readonly crashes: number;
  readonly failures: readonly Failure[];
}

/** Apart from the scenario's own numbers, so that a smaller scenario meets the same world. */
const WORLD_SALT = 0x5e_ed;
const LATE_SALT = 0x1a_7e;
const MAX_FAILURES = 5;

/** @param onSeed told after each  @returns after so many seeds, or the fifth failure */
export async function simulate(from: number, count: number, onSeed: (seed: number) => void = () => undefined): Promise<Outcome> {
  const failures: Failure[] = [];
  let crashes = 0;
  for (let seed = from; seed < from + count && failures.length < MAX_FAILURES; seed++) {
    // Serial: one world at a time, so that a seed alone decides.
    const ran = await runScenario(validScenario(seed));
    crashes += ran.crashes;
    if (ran.faults.length > 0) failures.push({ seed, ...(await shrink(ran)) });
    onSeed(seed);
  }
  return { crashes, failures };
}

/** Takes away what the failure does not need: trouble first, then nodes. */
async function shrink(ran: Ran): Promise<Ran> {
  let smallest = ran;
  for (let found = true; found;) {
    found = false;
    for (const candidate of smallerOnes(smallest.scenario)) {
      const again = problemsOf(candidate.definition).length > 0 ? undefined : await runScenario(candidate);
      if (again === undefined || kindOf(again) !== kindOf(ran)) continue;
      smallest = again;
      found = true;
      break;
    }
  }
  return smallest;
}

/** The first fault without its numbers and names. */
function kindOf({ faults }: Ran): string | undefined {
  return faults[0]?.replaceAll(/inst_\w+|[a-z]?\d+/g, '#').slice(0, 60);
}

function smallerOnes(scenario: Scenario): readonly Scenario[] {
  const { definition, child, chances, starts } = scenario;
  const without = (key: string): Definition => ({
    ...definition,
    nodes: definition.nodes.filter((node) => node.key !== key),
    edges: definition.edges.filter((edge) => edge.to !== key && edge.from.split('.', 1)[0] !== key),
  });
  return [
    ...(scenario.isMeddled ? [{ ...scenario, isMeddled: false }] : []),
    ...(scenario.hasTwo ? [{ ...scenario, hasTwo: false }] : []),
    ...(scenario.isHasty ? [{ ...scenario, isHasty: false }] : []),
    ...(starts.isBatch ? [{ ...scenario, starts: { ...starts, isBatch: false } }] : []),
    ...(starts.starts.length > 1
      ? starts.starts.map((one) => ({ ...scenario, starts: { ...starts, starts: starts.starts.filter((other) => other !== one) } }))
      : []),
    ...(child.settings?.concurrency !== undefined || child.settings?.rateLimit !== undefined ? [{ ...scenario, child: { ...child, settings: {} } }] : []),
    ...(['crash', 'lost', 'slow', 'late'] as const).filter((name) => chances[name] > 0).map((name) => ({ ...scenario, chances: { ...chances, [name]: 0 } })),
    ...(definition.nodes.length > 1 ? definition.nodes.map((node) => ({ ...scenario, definition: without(node.key) })) : []),
  ];
}

/** Some graphs can't be published: a fan-in that can't be met, a step that reads a branch that excludes it. The seed's next one then. */
export function validScenario(seed: number): Scenario {
  for (let again = 0; again < 50; again++) {
    const scenario = scenarioOf(seed, randomOf(seed + again * 0x1000_0000));
    if (problemsOf(scenario.definition).length + problemsOf(scenario.child).length === 0) return scenario;
  }
  throw new Error(`no workflow of seed ${seed} can be published`);
}

interface Ran {
  readonly scenario: Scenario;
  readonly faults: readonly string[];
  readonly crashes: number;
}

export async function runScenario(scenario: Scenario): Promise<Ran> {
  const driven = await drive(scenario, randomOf(scenario.seed ^ WORLD_SALT), randomOf(scenario.seed ^ LATE_SALT));
  return { scenario, faults: faultsOf(scenario, driven), crashes: driven.world.crashes };
}

const never = { began: () => undefined, ended: () => undefined, wait: async () => undefined };
const types: NodeTypes = new Map([...nodeTypes, ...simulatedTypes(never).map((type) => [type.type, type] as const)]);

function problemsOf(definition: Definition): string[] {
  return validate(definition, { types, role: 'super_admin' }).map((problem) => `not valid: ${problem.path} ${problem.code} ${problem.message}`);
}

/** What a person needs to see of a failure. */
export function describe({ seed, faults, scenario }: Failure): string {
  const { definition, child, input, chances, isMeddled, hasTwo, isHasty, debug, starts } = scenario;
  return [
    `seed ${seed} fails; run it again: scripts/simulate --from ${seed} --seeds 1 (below: made smaller)`,
    ...faults.slice(0, 10).map((fault) => `  ${fault}`),
    `  ${JSON.stringify({ isMeddled, hasTwo, isHasty, debug, chances, input, starts })}`,
    `  ${JSON.stringify(definition)}`,
    `  child ${JSON.stringify(child)}`,
  ].join('\n');
}
