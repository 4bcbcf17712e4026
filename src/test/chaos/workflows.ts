/** The workflows of a chaos campaign: every construct, with effects that the oracle notes, what the clients do with them while they run, and
 *  the model of how each run must end. A run's input is `{ run, n }`. */
import type { Json } from '../../contract/endpoint.ts';
import type { Definition } from '../../contract/graph.ts';
import type { Hand } from './hands.ts';
import type { Expected, Found } from './history.ts';
import type { Oracle } from './oracle.ts';

export interface ChaosWorkflow {
  readonly name: string;
  readonly definition: Pick<Definition, 'nodes' | 'edges'>;
  expect(found: Found): Expected;
  /** What a client does with each instance, until it is done. */
  act?(hand: Hand): Promise<void>;
  /** Others call it; clients do not start it. */
  readonly isCalled?: boolean;
}

/** The workflow that others call: published first. */
const CALLED = 'called';

type Node = Definition['nodes'][number];
type Edge = Definition['edges'][number];

const DONE = ['completed', 'skipped', 'failed'] as const;

/** `a:b` is `b` as the status of `a`; `completed` where nothing is said. */
function ends(output: (found: Found) => unknown, paths: (found: Found) => readonly string[], statuses: readonly string[] = ['completed']) {
  return (found: Found): Expected => ({
    statuses,
    output: output(found),
    steps: Object.fromEntries(
      paths(found).map((text) => {
        const at = text.lastIndexOf(':');
        const status = DONE.find((one) => at >= 0 && one === text.slice(at + 1));
        return status === undefined ? [text, 'completed'] : [text.slice(0, at), status];
      }),
    ),
  });
}

const doneOf = (found: Found): unknown => ({ done: found.input['run'] });
const isEven = (found: Found): boolean => Number(found.input['n']) % 2 === 0;

/** @param idOf the id of a workflow that stands before in the list */
export function chaosWorkflows(oracle: Oracle, idOf: (name: string) => string): readonly (() => ChaosWorkflow)[] {
  const call = (
    key: string,
    more: { readonly refuse?: number; readonly status?: number; readonly step?: string; readonly node?: Partial<Node> } = {},
  ): Node => ({
    key,
    type: 'http.request',
    params: {
      method: 'POST',
      url: `http://127.0.0.1:${oracle.port}/`,
      query: { run: '{{ input.run }}', step: more.step ?? key, refuse: more.refuse ?? 0, status: more.status ?? 503 },
      headers: { 'x-secret': '{{ secrets.CHAOS }}' },
      // Longer than any freeze: what is frozen is not to look like a silent receiver.
      timeoutMs: 120_000,
    },
    // The network to the oracle is not what is tested: only its own silence while Studio restarts.
    retry: { maxAttempts: 8, backoffMs: 50 },
    ...more.node,
  });
  const command: Node = {
    key: 'command',
    type: 'command',
    params: {
      // One synced append of one short line is atomic; the clock is the one that the blows are stamped with.
      script:
        'id=c$(od -An -N8 -tx8 /dev/urandom | tr -d " "); echo "$RUN command $id $(date +%s%3N) $STUDIO_IDEMPOTENCY_KEY" | dd of="$ORACLE" oflag=append conv=notrunc,fsync status=none; sleep 0.0$((RANDOM % 9)); echo "{\\"execution\\":\\"$id\\"}"',
      shell: '/bin/bash',
      env: { RUN: '{{ input.run }}', ORACLE: oracle.file },
      parse: 'json',
    },
  };
  const end: Node = { key: 'last', type: 'set', params: { values: { done: '{{ input.run }}' } } };
  const timer = (durationMs: number): Node => ({ key: 'pause', type: 'wait.timer', params: { durationMs } });
  const write: Node = { key: 'keep', type: 'file.write', params: { path: 'chaos/{{ input.run }}.txt', content: '{{ input.run }}' } };
  const read: Node = { key: 'fetch', type: 'file.read', params: { path: 'chaos/{{ input.run }}.txt', as: 'text' } };

  const line = (name: string, nodes: readonly Node[], more: Partial<ChaosWorkflow> = {}): ChaosWorkflow => ({
    name,
    definition: { nodes: [...nodes], edges: nodes.slice(1).map((node, index) => ({ from: nodes[index]?.key ?? '', to: node.key })) },
    expect: ends(doneOf, () => nodes.map((node) => node.key)),
    ...more,
  });
  const graph = (name: string, nodes: readonly Node[], edges: readonly (readonly [string, string])[], expect: ChaosWorkflow['expect']): ChaosWorkflow => ({
    name,
    definition: { nodes: [...nodes], edges: edges.map(([from, to]): Edge => ({ from, to })) },
    expect,
  });

  const body = (nodes: readonly Node[], edges: readonly Edge[] = []): Json => JSON.parse(JSON.stringify({ nodes, edges })) as Json;
  return [
    () => line(CALLED, [call('x'), call('y'), end], { isCalled: true }),
    () =>
      line('call', [
        call('a'),
        { key: 'ask', type: 'workflow.call', params: { workflowId: idOf(CALLED), input: { run: '{{ input.run }}-called' } } },
        call('b'),
        end,
      ]),
    () =>
      line(
        'map',
        [
          call('a'),
          {
            key: 'each',
            type: 'map',
            params: {
              items: [1, 2, 3],
              concurrency: 2,
              body: body([call('m', { step: 'm{{ index }}', refuse: 1 }), call('n', { step: 'n{{ index }}' })], [{ from: 'm', to: 'n' }]),
            },
          },
          call('b'),
          end,
        ],
        { expect: ends(doneOf, () => ['a', 'each', ...[0, 1, 2].flatMap((n) => [`each[${n}]`, `each[${n}]/m`, `each[${n}]/n`]), 'b', 'last']) },
      ),
    () =>
      line(
        'nested',
        [
          {
            key: 'out',
            type: 'map',
            params: {
              items: [['p', 'q'], ['r']],
              body: body([{ key: 'in', type: 'map', params: { items: '{{ item }}', body: body([call('m', { step: 'm{{ parent.index }}-{{ index }}' })]) } }]),
            },
          },
          end,
        ],
        {
          expect: ends(doneOf, () => [
            'out',
            ...[
              [0, 0],
              [0, 1],
              [1, 0],
            ].flatMap(([o, i]) => [`out[${o}]/in[${i}]`, `out[${o}]/in[${i}]/m`]),
            ...[0, 1].flatMap((o) => [`out[${o}]`, `out[${o}]/in`]),
            'last',
          ]),
        },
      ),
    () =>
      line(
        'loop',
        [{ key: 'again', type: 'loop', params: { while: 'index < 3', maxIterations: 9, body: body([call('m', { step: 'm{{ index }}' })]) } }, call('b'), end],
        { expect: ends(doneOf, () => ['again', ...[0, 1, 2].flatMap((n) => [`again[${n}]`, `again[${n}]/m`]), 'b', 'last']) },
      ),
    () =>
      line(
        'approval',
        [
          call('a'),
          { key: 'ok', type: 'approval', params: { title: 'Go on?' } },
          call('b'),
          { ...end, params: { values: { done: '{{ input.run }}', decisions: '{{ $count(steps.ok.output.decisions) }}' } } },
        ],
        {
          act: approve,
          expect: ends(
            (found) => ({ done: found.input['run'], decisions: 1 }),
            () => ['a', 'ok', 'b', 'last'],
          ),
        },
      ),
    () =>
      line(
        'callback',
        [
          call('a'),
          { key: 'hook', type: 'wait.webhook', params: { timeoutMs: 3_600_000 } },
          call('b'),
          { ...end, params: { values: { done: '{{ input.run }}', heard: '{{ $type(steps.hook.output.body.copy) }}' } } },
        ],
        {
          act: callBack,
          expect: ends(
            (found) => ({ done: found.input['run'], heard: 'number' }),
            () => ['a', 'hook', 'b', 'last'],
          ),
        },
      ),
    () => line('chain', [call('a'), call('b'), call('c'), end]),
    () => line('commands', [call('a'), command, call('b'), end]),
    () => line('files', [call('a'), write, read, { ...end, params: { values: { done: '{{ steps.fetch.output.content }}' } } }]),
    () => line('timer', [call('a'), timer(300), call('b'), end]),
    () => line('retries', [call('a', { refuse: 2 }), call('b'), call('c', { refuse: 1, status: 429 }), end]),
    () => line('repair', [call('a'), call('b', { refuse: 2, status: 404 }), call('c'), end], { act: repair }),
    () => line('pause', [call('a'), timer(400), call('b'), call('c'), end], { act: pauseAndResume }),
    () =>
      line('cancel', [call('a'), timer(400), call('b'), command, end], {
        act: cancelSometime,
        expect: ends(doneOf, () => ['a', 'pause', 'b', 'command', 'last'], ['completed', 'cancelled']),
      }),
    () =>
      graph(
        'fan-out',
        [{ key: 'first', type: 'noop' }, call('a'), call('b'), call('c'), { key: 'join', type: 'merge', params: { mode: 'all' } }, end],
        [...['a', 'b', 'c'].flatMap((key) => [['first', key] as const, [key, 'join'] as const]), ['join', 'last']],
        ends(doneOf, () => ['first', 'a', 'b', 'c', 'join', 'last']),
      ),
    () =>
      graph(
        'race',
        [{ key: 'first', type: 'noop' }, call('a'), call('b'), timer(200), { key: 'join', type: 'merge', params: { mode: 'any' } }, call('c'), end],
        [...['a', 'b', 'pause'].flatMap((key) => [['first', key] as const, [key, 'join'] as const]), ['join', 'c'], ['c', 'last']],
        ends(doneOf, () => ['first', 'a', 'b', 'pause', 'join', 'c', 'last']),
      ),
    () =>
      graph(
        'branch',
        [call('a'), { key: 'odd', type: 'branch.if', params: { condition: '{{ input.n % 2 = 1 }}' } }, call('b'), call('c'), end],
        [
          ['a', 'odd'],
          ['odd.true', 'b'],
          ['odd.false', 'c'],
          ['b', 'last'],
          ['c', 'last'],
        ],
        ends(doneOf, (found) => ['a', 'odd', isEven(found) ? 'b:skipped' : 'b', isEven(found) ? 'c' : 'c:skipped', 'last']),
      ),
    () =>
      graph(
        'errors',
        [call('a', { refuse: 1_000, status: 404, node: { onError: 'branch' } }), call('b'), call('c'), end],
        [
          ['a', 'b'],
          ['a.error', 'c'],
          ['b', 'last'],
          ['c', 'last'],
        ],
        ends(doneOf, () => ['a:failed', 'b:skipped', 'c', 'last']),
      ),
  ];
}

/** Its step fails until its receiver was asked often enough: a person retries the instance each time. */
async function repair(hand: Hand): Promise<void> {
  await hand.until('a failed instance to be repaired', async () => {
    const { status } = await hand.read();
    if (status === 'failed') await hand.command('retry');
    return status === 'completed';
  });
}

async function pauseAndResume(hand: Hand): Promise<void> {
  await hand.pause(hand.random() * 600);
  await hand.command('pause');
  await hand.pause(hand.random() * 400);
  // Also when the answer to the first try was lost: whoever finds it paused resumes it.
  await hand.until('a paused instance to go on', async () => {
    const { status } = await hand.read();
    if (status === 'paused') await hand.command('resume');
    return status === 'completed';
  });
}

async function cancelSometime(hand: Hand): Promise<void> {
  await hand.pause(hand.random() * 900);
  await hand.command('cancel');
}

/** Approves once it waits, and again although it was approved: the second changes nothing. */
async function approve(hand: Hand): Promise<void> {
  await hand.until('a step that waits for approval to go on', async () => {
    const { status } = await hand.read();
    if (status === 'waiting') await hand.command('steps/ok/approve', {});
    return status === 'completed';
  });
}

/** Several copies of the same call: the first that is let in counts. */
async function callBack(hand: Hand): Promise<void> {
  await hand.until('a step that waits for a call to go on', async () => {
    const { status } = await hand.read();
    if (status === 'waiting') {
      const url = await hand.waitingUrl('hook');
      if (url !== undefined) await Promise.all([1, 2, 3].map((copy) => hand.post(url, { copy })));
    }
    return status === 'completed';
  });
}
