/** Random workflows from a seed, in every construct whose end does not depend on who is faster: what such a workflow comes to is computed by
 *  reference.ts. Valid by construction; the simulator asks the validator all the same. */
import type { Json } from '../../contract/endpoint.ts';
import type { Definition, GraphEdge, GraphNode } from '../../contract/graph.ts';
import { randomOf } from '../chaos/random.ts';
import type { Act, Script } from './acts.ts';
import { between, chance, pick, type Random } from './random.ts';
import { startsOf, type Starts } from './starts.ts';

export interface Scenario {
  readonly seed: number;
  readonly definition: Definition;
  /** What `workflow.call` calls. */
  readonly child: Definition;
  readonly input: Json;
  readonly debug: boolean;
  /** People skip, complete, cancel, edit and retry steps, and cancel and retry the instance: then only invariants are compared. */
  readonly isMeddled: boolean;
  /** A second process takes over while the first is frozen. */
  readonly hasTwo: boolean;
  /** People ask of a process that is still taking over what the one before left. */
  readonly isHasty: boolean;
  readonly chances: Chances;
  /** Which instances are started; their limits stand in the definitions. */
  readonly starts: Pick<Starts, 'starts' | 'isBatch'>;
}

/** Per call of the store. */
export interface Chances {
  readonly crash: number;
  readonly lost: number;
  /** It happens later, and is answered at once then. */
  readonly slow: number;
  /** It happens at once, and is answered later. */
  readonly late: number;
}

export const CHILD_ID = 'wf_child';
/** Input fields that conditions read: true, false, true, … */
const FLAGS = 4;

export function scenarioOf(seed: number, random: Random): Scenario {
  const input = Object.fromEntries(Array.from({ length: FLAGS }, (_, index) => [`f${index}`, index % 2 === 0]));
  const isMeddled = random() < 0.25;
  const size = between(random, 1, 7);
  const keys = { next: 0 };
  const debug = chance(random, 0.04);
  const shared = { random, keys, inherited: [], hasLimits: !debug };
  const child = graphOf({ ...shared, size: between(random, 1, 3), depth: 2, place: 'child' });
  const top = graphOf({ ...shared, size, depth: 0, place: 'top' });
  const settings = chance(random, 0.3) ? { maxConcurrentSteps: between(random, 1, 3) } : {};
  const more = randomOf(seed ^ MORE_SALT);
  const { starts, isBatch, limits, childLimits } = startsOf(seed, more);
  return {
    seed,
    definition: { ...top, settings: { ...settings, ...limits } },
    child: { ...child, settings: childLimits },
    input: { ...input, list: Array.from({ length: between(random, 0, 5) }, (_, index) => `i${index}`) },
    debug,
    isMeddled,
    hasTwo: chance(random, 0.1),
    starts: { starts, isBatch },
    isHasty: chance(more, 0.3),
    chances: {
      ...(chance(random, 0.15)
        ? { crash: 0, lost: 0, slow: 0 }
        : { crash: pick(random, [0, 0.02, 0.05, 0.12]), lost: pick(random, [0, 0, 0.03, 0.1]), slow: pick(random, [0, 0.1, 0.4]) }),
      late: pick(more, [0, 0, 0.1, 0.5]),
    },
  };
}

/** Apart from the numbers that make the graph. */
const MORE_SALT = 0x51_ab;

interface Making {
  readonly random: Random;
  readonly keys: { next: number };
  readonly size: number;
  readonly depth: number;
  /** Steps around that have surely ended when this graph runs. */
  readonly inherited: readonly string[];
  /** Where it stands: expressions see more inside a body. */
  readonly place: 'top' | 'child' | 'map' | 'loop';
  /** A limit of time decides nothing where a person may be slower. */
  readonly hasLimits: boolean;
}

interface Made {
  readonly nodes: GraphNode[];
  readonly edges: GraphEdge[];
}

/** A graph whose edges go from earlier nodes to later ones. */
function graphOf(making: Making): Made {
  const { random } = making;
  const nodes: GraphNode[] = [];
  const edges: GraphEdge[] = [];
  /** By key: what has surely ended when it starts. */
  const sure = new Map<string, ReadonlySet<string>>();
  for (let place = 0; place < making.size; place++) {
    const key = `n${making.keys.next++}`;
    const incoming = edgesTo(making, key, nodes);
    const tokens = incoming.filter((edge) => edge.mode === undefined);
    const runIf = tokens.length > 1 && chance(random, 0.35) ? (chance(random, 0.6) ? 'any' : between(random, 1, tokens.length)) : undefined;
    const before = sureBefore(incoming, runIf === undefined, sure);
    sure.set(key, before);
    edges.push(...incoming.map((edge) => withCondition(random, edge, sure)));
    nodes.push(nodeOf(making, key, [...before, ...making.inherited], runIf));
  }
  mend(nodes, edges);
  return { nodes, edges };
}

function edgesTo({ random }: Making, key: string, all: readonly GraphNode[]): GraphEdge[] {
  const before = all.filter((node) => portsOf(node).length > 0);
  if (before.length === 0 || chance(random, 0.15)) return [];
  const sources = before.filter(() => chance(random, 0.4)).slice(-3);
  if (sources.length === 0) sources.push(pick(random, before));
  const found: GraphEdge[] = sources.map((node) => {
    const ports = portsOf(node);
    const roll = random();
    const from = roll < 0.12 && canFail(node) ? `${node.key}.error` : ports.length > 1 || roll < 0.2 ? `${node.key}.${pick(random, ports)}` : node.key;
    return { from, to: key };
  });
  // Context edges carry no token: one at most, beside one that does.
  const [first, second] = found;
  if (first !== undefined && second !== undefined && !second.from.includes('.') && chance(random, 0.2))
    return [first, { ...second, mode: ['context'] }, ...found.slice(2)];
  return found;
}

function portsOf(node: GraphNode): readonly string[] {
  const { ports } = node.params ?? {};
  return Array.isArray(ports) ? (ports as string[]) : node.type === 'stop' || node.type === 'fail' ? [] : ['out'];
}

function canFail(node: GraphNode): boolean {
  return node.type.startsWith('sim.') || node.type === 'map' || node.type === 'workflow.call';
}

function withCondition(random: Random, edge: GraphEdge, sure: ReadonlyMap<string, ReadonlySet<string>>): GraphEdge {
  if (edge.mode !== undefined || !chance(random, 0.15)) return edge;
  const key = edge.from.split('.', 1)[0] ?? '';
  const known = [...(sure.get(key) ?? [])];
  const when = known.length > 0 && chance(random, 0.5) ? `steps.${pick(random, known)}.output.flag` : `input.f${between(random, 0, FLAGS - 1)}`;
  return { ...edge, when };
}

/** What has surely ended before a node starts: what leads to it when it waits for all, else what only holds it back. */
function sureBefore(incoming: readonly GraphEdge[], waitsForAll: boolean, sure: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  const before = new Set<string>();
  for (const edge of incoming) {
    if (!waitsForAll && edge.mode === undefined) continue;
    const key = edge.from.split('.', 1)[0] ?? '';
    before.add(key);
    for (const more of sure.get(key) ?? []) before.add(more);
  }
  return before;
}

/** Handled failures are handled once; a fan-in has what it counts. */
function mend(nodes: GraphNode[], edges: readonly GraphEdge[]): void {
  for (const [index, node] of nodes.entries()) {
    const heard = edges.some((edge) => edge.from === `${node.key}.error`);
    if (heard && node.onError !== undefined) nodes[index] = without(node, 'onError');
    const tokens = edges.filter((edge) => edge.to === node.key && edge.mode === undefined).length;
    if (typeof node.runIf === 'number' && node.runIf > tokens) nodes[index] = without(nodes[index] ?? node, 'runIf');
    if (tokens < 2 && node.runIf !== undefined) nodes[index] = without(nodes[index] ?? node, 'runIf');
  }
}

function without(node: GraphNode, field: 'onError' | 'runIf'): GraphNode {
  const { [field]: _dropped, ...rest } = node;
  return rest;
}

function nodeOf(making: Making, key: string, known: readonly string[], runIf: GraphNode['runIf']): GraphNode {
  const { random, depth } = making;
  const roll = random();
  const base = { key, ...(runIf === undefined ? {} : { runIf }), ...policyOf(making, known) };
  if (depth < 2 && roll < 0.14) return { ...base, ...bodyOf(making, known) };
  if (roll < 0.2) return { ...base, type: 'merge', params: {} };
  if (depth === 0 && roll < 0.24)
    return {
      ...base,
      type: 'workflow.call',
      params: { workflowId: CHILD_ID, input: { f0: true, f1: false, f2: true, f3: false, list: [] }, wait: chance(random, 0.8) },
    };
  if (roll < 0.255) return { ...base, type: 'fail', params: { message: 'no', code: 'nope' } };
  if (depth === 0 && roll < 0.265) return { ...base, type: 'stop', params: { output: { stopped: key } } };
  if (roll < 0.33) return { ...base, type: 'sim.job', params: workParams(making, known, () => jobScript(random, depth)) };
  const ports = chance(random, 0.15) ? ['a', 'b'] : undefined;
  const isPure = chance(random, 0.35);
  const hasTimeout = making.hasLimits && base.start === undefined && chance(random, 0.12);
  const script = (): Script => scriptFor(making, { isPure, ports, isRetried: base.retry !== undefined, hasTimeout });
  return {
    ...base,
    ...(hasTimeout ? { timeoutMs: 400 } : {}),
    type: isPure ? 'sim.pure' : 'sim.work',
    params: { ...workParams(making, known, script), ...(ports === undefined ? {} : { ports }) },
  };
}

function policyOf({ random, place }: Making, known: readonly string[]): Partial<GraphNode> {
  const retry = { maxAttempts: between(random, 2, 3), backoffMs: between(random, 5, 300), ...(chance(random, 0.3) ? { on: ['a', 'timeout'] } : {}) };
  const condition = known.length > 0 && chance(random, 0.5) ? `steps.${pick(random, known)}.output.flag` : `input.f${between(random, 0, FLAGS - 1)}`;
  return {
    ...(chance(random, 0.3) ? { retry } : {}),
    ...(chance(random, 0.15) ? { onError: 'continue' as const } : {}),
    ...(chance(random, 0.12) ? { condition } : {}),
    ...(chance(random, 0.04) ? { disabled: true } : {}),
    ...(chance(random, 0.04) ? { mock: { v: 'pinned', flag: chance(random, 0.5), port: 'a' } } : {}),
    ...(place === 'top' && chance(random, 0.04) ? { start: 'manual' as const } : {}),
  };
}

function workParams({ random, place }: Making, known: readonly string[], script: () => Script): NonNullable<GraphNode['params']> {
  const reads = known.filter(() => chance(random, 0.6)).slice(0, 3);
  return {
    script: script() as unknown as Json,
    reads: {
      ...Object.fromEntries(reads.map((key) => [key, `{{ steps.${key}.output.v }}`])),
      ...(place === 'map' && chance(random, 0.5) ? { item: '{{ item }}' } : {}),
      ...(place === 'loop' && chance(random, 0.5) ? { previous: '{{ previous.v }}' } : {}),
    },
    ...(place === 'map' || place === 'loop' ? { at: '{{ index }}' } : {}),
  };
}

function jobScript(random: Random, depth: number): Script {
  const act = (): Act =>
    chance(random, 0.75) ? { do: 'give', ms: between(random, 1, 400), flag: true } : { do: 'fail', ms: between(random, 1, 400), code: 'exit' };
  return depth >= 2 ? [[[act(), act()]]] : [[[act(), act()], [act()]]];
}

interface Wanted {
  readonly isPure: boolean;
  readonly ports: readonly string[] | undefined;
  readonly isRetried: boolean;
  readonly hasTimeout: boolean;
}

/** Deeper bodies count their generations by how far others came: there every round does the same. */
function scriptFor({ random, depth }: Making, wanted: Wanted): Script {
  const row = (): Act[] => Array.from({ length: wanted.isRetried ? between(random, 1, 3) : 1 }, () => actFor(random, wanted, depth));
  const rows = (): Act[][] => (depth >= 2 ? [row()] : [row(), row()]);
  return Array.from({ length: depth > 0 ? between(random, 1, 3) : 1 }, rows);
}

function actFor(random: Random, { isPure, ports, hasTimeout }: Wanted, depth: number): Act {
  const roll = random();
  const give: Act = {
    do: 'give',
    ms: isPure || chance(random, 0.4) ? 0 : between(random, 1, chance(random, 0.1) ? 900 : 60),
    flag: chance(random, 0.7),
    ...(ports === undefined ? {} : { port: pick(random, ports) }),
  };
  // Slower than its limit is a hang: how long a give takes must not decide.
  const inTime: Act = hasTimeout ? { ...give, ms: Math.min(give.ms, 40) } : give;
  if (roll < 0.74) return inTime;
  if (roll < 0.88) {
    const fails = { do: 'fail', ms: isPure ? 0 : between(random, 0, 30), code: pick(random, ['a', 'b']) } as const;
    return chance(random, 0.2) ? { ...fails, isFinal: true } : fails;
  }
  if (roll < 0.9) return { do: 'break' };
  if (isPure || ports !== undefined || hasTimeout) return hasTimeout && !isPure && roll < 0.95 ? { do: 'hang' } : inTime;
  if (roll < 0.94) return { do: 'timer', ms: between(random, 1, 2_000) };
  if (roll < 0.97) return { do: 'poll', ms: between(random, 1, 500), looks: between(random, 1, 3) };
  return depth === 0 ? { do: 'call back', answer: chance(random, 0.7) ? 'callback' : 'timeout', ms: 800 } : give;
}

function bodyOf(making: Making, known: readonly string[]): Pick<GraphNode, 'type' | 'params'> {
  const { random, depth } = making;
  const isLoop = chance(random, 0.3);
  const inner = graphOf({ ...making, size: between(random, 1, 4), depth: depth + 1, inherited: known, place: isLoop ? 'loop' : 'map' });
  const body = inner as unknown as Json;
  if (isLoop)
    return {
      type: 'loop',
      params: {
        maxIterations: between(random, 1, 3),
        onLimit: pick(random, ['fail', 'stop']),
        ...(chance(random, 0.4) ? { while: `input.f${between(random, 0, 1)}` } : {}),
        body,
      },
    };
  return {
    type: 'map',
    params: {
      items: chance(random, 0.5) ? '{{ input.list }}' : Array.from({ length: between(random, 0, 4) }, (_, index) => index),
      concurrency: between(random, 1, 4),
      onItemError: pick(random, ['fail', 'continue', 'collect']),
      ...(chance(random, 0.4) ? { itemRetry: { maxAttempts: 2, backoffMs: between(random, 1, 100) } } : {}),
      body,
    },
  };
}
