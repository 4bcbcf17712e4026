/** What runs in a storm: small workflows of every construct, what a client does with an instance of each, and the model of its end. */
import type { Definition, GraphNode } from '../../contract/graph.ts';
import type { Json } from '../../contract/endpoint.ts';
import type { Engine } from '../../engine/engine.ts';

/** A client's hand in a storm: asks the newest engine again and again until one answers. */
export interface StormHand {
  readonly id: string;
  readonly random: () => number;
  /** @returns `refused` when it does not apply (any more) */
  ask(what: (engine: Engine) => Promise<unknown>): Promise<'done' | 'refused'>;
  status(): Promise<string>;
  turn(): Promise<void>;
  /** Repeats until it holds; ends without it when the storm is over. */
  until(isDone: () => Promise<boolean>): Promise<void>;
}

export interface StormKind {
  readonly name: string;
  readonly definition: Pick<Definition, 'nodes' | 'edges' | 'settings'>;
  /** How its instances may end. */
  readonly statuses: readonly string[];
  readonly output: Json;
  /** Of a completed one: `status attempt` of every path. The attempt only where it is told. */
  readonly steps: Readonly<Record<string, string>>;
  act?(hand: StormHand): Promise<void>;
}

const act = (key: string, params: Record<string, Json> = {}, more: Partial<GraphNode> = {}): GraphNode => ({ key, type: 'storm.act', params, ...more });
const timer = (key: string, durationMs: number): GraphNode => ({ key, type: 'wait.timer', params: { durationMs } });
/** Long against what a commit takes in a storm's time: a timer that fires early shows. */
export const STORM_WAIT_MS = 8_000;
const job = (key: string): GraphNode => ({ key, type: 'storm.job', params: {} });
const body = (nodes: readonly GraphNode[], pairs: readonly (readonly [string, string])[] = []): Json =>
  JSON.parse(JSON.stringify({ nodes, edges: edges(...pairs) })) as Json;
const edges = (...pairs: readonly (readonly [string, string])[]): Definition['edges'] => pairs.map(([from, to]) => ({ from, to }));

/** What a storm calls: published before the others, and never started by a client. */
export const calledKind: StormKind = {
  name: 'called',
  definition: { nodes: [act('x'), act('y', { value: '{{ input.word }}', after: ['x'] })], edges: edges(['x', 'y']) },
  statuses: ['completed'],
  output: 'called',
  steps: { x: 'completed 1', y: 'completed 1' },
};

const command =
  (hand: StormHand, name: 'start' | 'pause' | 'resume' | 'cancel' | 'retry') =>
  (engine: Engine): Promise<void> =>
    engine.commandInstance({ orgId: 'org_test', id: hand.id, command: name, requestId: 'req_storm' });

async function repair(hand: StormHand): Promise<void> {
  await hand.until(async () => {
    const status = await hand.status();
    if (status === 'failed') await hand.ask(command(hand, 'retry'));
    return status === 'completed';
  });
}

async function pauseAndResume(hand: StormHand): Promise<void> {
  await hand.ask(command(hand, 'pause'));
  await hand.until(async () => {
    const status = await hand.status();
    if (status === 'paused') await hand.ask(command(hand, 'resume'));
    return status === 'completed';
  });
}

/** @param calledId of the workflow of `calledKind` */
export const stormKinds = (calledId: string): readonly StormKind[] => [
  {
    name: 'flow',
    definition: {
      nodes: [
        act('a', { value: 1, turns: 1 }),
        { key: 'p', type: 'set', params: { values: { twice: '{{ steps.a.output }}' } } },
        { key: 'if', type: 'branch.if', params: { condition: '{{ steps.p.output.twice }}' } },
        act('b', { value: '{{ steps.p.output.twice }}', after: ['a'] }),
        act('no'),
        act('never'),
        timer('wait', STORM_WAIT_MS),
        { key: 'join', type: 'merge', params: {} },
        act('c', { value: '{{ steps.b.output }}', after: ['a', 'b', 'wait', 'no', 'never'] }),
      ],
      edges: edges(
        ['a', 'p'],
        ['p', 'if'],
        ['if.true', 'b'],
        ['if.false', 'no'],
        ['no', 'never'],
        ['a', 'wait'],
        ['b', 'join'],
        ['never', 'join'],
        ['wait', 'join'],
        ['join', 'c'],
      ),
    },
    statuses: ['completed'],
    output: 1,
    steps: {
      a: 'completed 1',
      p: 'completed',
      if: 'completed',
      b: 'completed 1',
      no: 'skipped',
      never: 'skipped',
      wait: 'completed',
      join: 'completed',
      c: 'completed 1',
    },
  },
  {
    name: 'retries',
    definition: {
      nodes: [act('a', { failures: 2, value: 1 }, { retry: { maxAttempts: 3, backoffMs: 500, jitter: 0 } }), act('b', { value: 2, after: ['a'] })],
      edges: edges(['a', 'b']),
    },
    statuses: ['completed'],
    output: 2,
    steps: { a: 'completed 3', b: 'completed 1' },
  },
  {
    name: 'repair',
    definition: { nodes: [act('a'), act('b', { broken: 1, after: ['a'] }), act('c', { value: 3, after: ['b'] })], edges: edges(['a', 'b'], ['b', 'c']) },
    statuses: ['completed'],
    output: 3,
    steps: { a: 'completed 1', b: 'completed 1', c: 'completed 1' },
    act: repair,
  },
  {
    name: 'pause',
    definition: {
      nodes: [act('a', { turns: 2 }), act('b', { after: ['a'], turns: 2 }), act('c', { value: 3, after: ['b'] })],
      edges: edges(['a', 'b'], ['b', 'c']),
    },
    statuses: ['completed'],
    output: 3,
    steps: { a: 'completed 1', b: 'completed 1', c: 'completed 1' },
    act: pauseAndResume,
  },
  {
    name: 'cancel',
    definition: { nodes: [act('a'), job('j'), timer('wait', 1e9), act('c')], edges: edges(['a', 'j'], ['a', 'wait'], ['j', 'c'], ['wait', 'c']) },
    statuses: ['cancelled'],
    output: null,
    steps: {},
    async act(hand) {
      for (let turn = hand.random() * 40; turn > 0; turn--) await hand.turn();
      await hand.ask(command(hand, 'cancel'));
    },
  },
  {
    name: 'jobs',
    definition: { nodes: [act('a'), job('j'), act('b', { value: '{{ steps.j.output }}', after: ['a', 'j'] })], edges: edges(['a', 'j'], ['j', 'b']) },
    statuses: ['completed'],
    output: 'ran',
    steps: { a: 'completed 1', j: 'completed', b: 'completed 1' },
  },
  {
    name: 'fan',
    definition: {
      nodes: [
        act('a'),
        ...['b', 'c', 'd'].map((key) => act(key, { after: ['a'], turns: key === 'c' ? 3 : 0 })),
        act('z', { value: 'z', after: ['b', 'c', 'd'] }),
      ],
      edges: edges(...['b', 'c', 'd'].flatMap((key) => [['a', key] as const, [key, 'z'] as const])),
    },
    statuses: ['completed'],
    output: 'z',
    steps: { a: 'completed 1', b: 'completed 1', c: 'completed 1', d: 'completed 1', z: 'completed 1' },
  },
  {
    name: 'errors',
    definition: {
      nodes: [act('a', { broken: 9 }, { onError: 'branch' }), act('b'), act('c', { value: 'saved', after: ['a'] })],
      edges: edges(['a', 'b'], ['a.error', 'c'], ['b', 'c']),
    },
    statuses: ['completed'],
    output: 'saved',
    steps: { a: 'failed 1', b: 'skipped', c: 'completed 1' },
  },
  {
    name: 'map',
    definition: {
      nodes: [
        act('a'),
        {
          key: 'each',
          type: 'map',
          params: {
            items: [1, 2, 3],
            concurrency: 2,
            body: body(
              [
                act('m', { value: '{{ item }}', after: ['a'], failures: 1, turns: 1 }, { retry: { maxAttempts: 3, backoffMs: 0 } }),
                act('n', { value: '{{ steps.m.output }}', after: ['a', 'each[{{ index }}]/m'] }),
              ],
              [['m', 'n']],
            ),
          },
        },
        act('z', { value: '{{ steps.each.output.items }}', after: ['a', 'each', 'each[0]/n', 'each[1]/n', 'each[2]/n'] }),
      ],
      edges: edges(['a', 'each'], ['each', 'z']),
    },
    statuses: ['completed'],
    output: [1, 2, 3],
    steps: { a: 'completed 1', each: 'completed', 'each[0]/m': 'completed 2', 'each[1]/m': 'completed 2', 'each[2]/n': 'completed 1', z: 'completed 1' },
  },
  {
    name: 'nested',
    definition: {
      nodes: [
        {
          key: 'out',
          type: 'map',
          params: {
            items: [['p', 'q'], ['r']],
            body: body([{ key: 'in', type: 'map', params: { items: '{{ item }}', body: body([act('x', { value: '{{ item & parent.index }}' })]) } }]),
          },
        },
        act('z', { value: '{{ steps.out.output.items[0].items }}', after: ['out', 'out[0]/in', 'out[1]/in'] }),
      ],
      edges: edges(['out', 'z']),
    },
    statuses: ['completed'],
    output: ['p0', 'q0'],
    steps: { out: 'completed', 'out[0]/in[1]/x': 'completed 1', 'out[1]/in[0]/x': 'completed 1', z: 'completed 1' },
  },
  {
    name: 'loop',
    definition: {
      nodes: [
        { key: 'again', type: 'loop', params: { while: 'index < 3', maxIterations: 9, body: body([act('r', { value: '{{ index }}' })]) } },
        act('z', { value: '{{ steps.again.output }}', after: ['again', 'again[0]/r', 'again[1]/r', 'again[2]/r'] }),
      ],
      edges: edges(['again', 'z']),
    },
    statuses: ['completed'],
    output: { iterations: 3, output: 2 },
    steps: { again: 'completed', 'again[2]/r': 'completed 1', z: 'completed 1' },
  },
  {
    name: 'call',
    definition: {
      nodes: [
        act('a'),
        { key: 'ask', type: 'workflow.call', params: { workflowId: calledId, input: { word: 'called' } } },
        act('z', { value: '{{ steps.ask.output }}', after: ['a', 'ask'] }),
      ],
      edges: edges(['a', 'ask'], ['ask', 'z']),
    },
    statuses: ['completed'],
    output: 'called',
    steps: { a: 'completed 1', ask: 'completed', z: 'completed 1' },
  },
  {
    name: 'limited',
    definition: { nodes: [act('a', { value: 7 })], edges: [], settings: { concurrency: { limit: 1, policy: 'queue' } } },
    statuses: ['completed'],
    output: 7,
    steps: { a: 'completed 1' },
    async act(hand) {
      await hand.ask(command(hand, 'start'));
    },
  },
];

/** Its job names a queue that is gone: PostgreSQL refuses its rows, and the neighbours of the same commit go on. */
export const poisonKind: StormKind = {
  name: 'poison',
  definition: { nodes: [act('a'), { ...job('j'), queue: 'gone' }], edges: edges(['a', 'j']) },
  statuses: ['failed'],
  output: null,
  steps: {},
};
