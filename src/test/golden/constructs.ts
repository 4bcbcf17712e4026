/** The instances that are recorded: every node type and policy, and every way a run can go that a row has to remember. */
import type { Json } from '../../contract/endpoint.ts';
import type { Definition, GraphEdge, GraphNode } from '../../contract/graph.ts';
import { node, set } from '../graph-nodes.ts';
import type { Setup } from './play.ts';

/** Nodes, and edges written `a>b`, `a.error>b`. */
function graph(nodes: readonly GraphNode[], ...edges: readonly (string | GraphEdge)[]): Definition {
  const parsed = edges.map((edge) => {
    if (typeof edge !== 'string') return edge;
    const [from = '', to = ''] = edge.split('>');
    return { from, to };
  });
  return { nodes: [...nodes], edges: parsed };
}

function body(nodes: readonly GraphNode[], ...edges: readonly string[]): Json {
  return graph(nodes, ...edges) as unknown as Json;
}

function of(definition: Definition, input: Json = {}, more: Partial<Setup> = {}): Setup {
  return { definition, input, ...more };
}

const job = (key: string, more: Partial<GraphNode> = {}): GraphNode => node(key, 'command', { script: 'true' }, more);
const failing = (key: string, more: Partial<GraphNode> = {}): GraphNode => node(key, 'fail', { message: 'no', code: 'nope' }, more);
const timer = (key: string, durationMs = 500, more: Partial<GraphNode> = {}): GraphNode => node(key, 'wait.timer', { durationMs }, more);
const effect = (key: string, more: Partial<GraphNode> = {}): GraphNode => node(key, 'noop', { effect: true, output: { key } }, more);
/** An inline step that fails: its output is not what its port promises. */
const broken = (key: string, more: Partial<GraphNode> = {}): GraphNode =>
  node(key, 'map', { items: '{{ input.seven }}', body: body([set(`${key}_in`)]) }, more);
const retry = { maxAttempts: 3, backoffMs: 200, jitter: 0 };
const exit = { exitCode: 3 };
const many = (count: number): Json => Array.from({ length: count }, (_, index) => ({ index }));
const child = graph([set('c1', { got: '{{ input.x }}' }), effect('c2')], 'c1>c2');
const call = (key: string, more: Record<string, Json> = {}, policy: Partial<GraphNode> = {}): GraphNode =>
  node(key, 'workflow.call', { workflowId: 'wf_child', input: { x: 5 }, ...more }, policy);
const mapOf = (key: string, nodes: readonly GraphNode[], more: Record<string, Json> = {}, policy: Partial<GraphNode> = {}): GraphNode =>
  node(key, 'map', { items: '{{ input.list }}', concurrency: 2, body: body(nodes), ...more }, policy);
const list = { list: ['x', 'y', 'z'] };
const oddFails = failing('odd', { condition: 'item.bad' });
const mixed = { list: [{ bad: false }, { bad: true }, { bad: false }] };

export const constructs: Readonly<Record<string, Setup>> = {
  'type noop': of(graph([node('a', 'noop', { output: { hello: '{{ input.name }}' } })]), { name: 'Ada' }),
  'type set': of(graph([set('a', { greeting: 'Hello {{ input.name }}' })]), { name: 'Ada' }),
  'type template': of(graph([node('a', 'template', { text: 'Hello {{ input.name }}' })]), { name: 'Ada' }),
  'type log': of(graph([node('a', 'log', { message: 'got {{ input.name }}' })]), { name: 'Ada' }),
  'type http.request': of(graph([node('a', 'http.request', { method: 'GET', url: 'https://example.com/api' })])),
  'type file.read': of(graph([node('a', 'file.read', { path: 'samples/a.csv', as: 'csv' })])),
  'type file.write': of(graph([node('a', 'file.write', { path: 'reports/a.json', content: '{{ input.name }}' })]), { name: 'Ada' }),
  'type code.js': of(graph([node('a', 'code.js', { source: 'return { total: 3 };' })])),
  'type command': of(graph([job('a')])),
  'type code.python': of(graph([node('a', 'code.python', { source: 'output = 1' }), effect('b')], 'a>b')),
  'type llm.chat': of(graph([node('a', 'llm.chat', { model: 'small', prompt: 'Say {{ input.name }}' }), effect('b')], 'a>b'), { name: 'Ada' }),
  'type embed': of(graph([node('a', 'embed', { model: 'small', texts: '{{ input.texts }}' }), effect('b')], 'a>b'), { texts: ['x', 'y'] }),
  'type model.download': of(graph([node('a', 'model.download', { repo: 'ada/small' }), effect('b')], 'a>b')),
  'type notify': of(graph([node('a', 'notify', { channel: 'in_app', to: ['admins'], title: 'Ready', message: 'It is.' })])),
  'type branch.if, yes': of(graph([node('a', 'branch.if', { condition: '{{ input.yes }}' }), set('b'), set('c')], 'a.true>b', 'a.false>c'), { yes: true }),
  'type branch.if, no': of(graph([node('a', 'branch.if', { condition: '{{ input.yes }}' }), set('b'), set('c')], 'a.true>b', 'a.false>c'), { yes: false }),
  'type branch.switch': of(
    graph(
      [node('a', 'branch.switch', { value: '{{ input.kind }}', cases: [{ port: 'image', equals: 'png' }], default: 'other' }), set('b'), set('c')],
      'a.image>b',
      'a.other>c',
    ),
    { kind: 'png' },
  ),
  'type stop': of(graph([timer('slow', 5_000), timer('a'), node('b', 'stop', { output: { done: true } })], 'a>b')),
  'type fail': of(graph([timer('slow', 5_000), timer('a'), failing('b')], 'a>b')),
  'type wait.timer': of(graph([effect('a'), timer('b', 30_000), effect('c')], 'a>b', 'b>c')),
  'type wait.webhook, called': of(
    graph([node('a', 'wait.webhook', { timeoutMs: 60_000 }), effect('b')], 'a>b'),
    {},
    {
      hands: [{ when: { path: 'a', status: 'waiting' }, command: 'callback', path: 'a', output: { hello: 1 } }],
    },
  ),
  'type wait.webhook, nobody calls': of(graph([node('a', 'wait.webhook', { timeoutMs: 3_000, onTimeout: 'continue' }), effect('b')], 'a>b')),
  'type approval, approved': of(
    graph([node('a', 'approval', { title: 'Go?' }), effect('b')], 'a.approved>b'),
    {},
    {
      hands: [{ when: { path: 'a', status: 'waiting' }, command: 'approve', path: 'a' }],
    },
  ),
  'type approval, rejected': of(
    graph([node('a', 'approval', { title: 'Go?' }), effect('b'), effect('c')], 'a.approved>b', 'a.rejected>c'),
    {},
    {
      hands: [{ when: { path: 'a', status: 'waiting' }, command: 'reject', path: 'a' }],
    },
  ),
  'type poll': of(
    graph([node('a', 'poll', { request: { method: 'GET', url: 'https://example.com/' }, until: 'attempt = 3', intervalMs: 400 }), effect('b')], 'a>b'),
  ),
  'type map': of(
    graph([mapOf('m', [set('i', { v: '{{ item }}', at: '{{ index }}' })]), set('after', { first: '{{ steps.m.output.items[0].v }}' })], 'm>after'),
    list,
  ),
  'type loop': of(graph([node('l', 'loop', { maxIterations: 3, onLimit: 'stop', body: body([set('r', { n: '{{ index }}', before: '{{ previous.n }}' })]) })])),
  'type workflow.call': of(graph([call('c'), set('after', { got: '{{ steps.c.output.key }}' })], 'c>after'), {}, { child }),
  'type merge, all': of(graph([set('a'), timer('b'), node('m', 'merge'), effect('z')], 'a>m', 'b>m', 'm>z')),
  'type merge, any, and a late token': of(graph([timer('a', 300), timer('b', 2_000), node('m', 'merge', { mode: 'any' }), effect('z')], 'a>m', 'b>m', 'm>z')),
  'type merge, two of three': of(
    graph([timer('a', 300), timer('b', 900), timer('c', 2_000), node('m', 'merge', { mode: 'n', n: 2 }), effect('z')], 'a>m', 'b>m', 'c>m', 'm>z'),
  ),

  'policy retry, the second try': of(graph([job('a', { retry }), effect('b')], 'a>b'), {}, { jobs: { 'a 1 1': exit } }),
  'policy retry, all tries': of(graph([job('a', { retry }), effect('b')], 'a>b'), {}, { jobs: { a: exit } }),
  'policy retry, another class': of(graph([job('a', { retry: { ...retry, on: ['timeout'] } })]), {}, { jobs: { a: exit } }),
  'policy onError continue': of(graph([job('a', { onError: 'continue' }), set('b', { error: '{{ steps.a.error.code }}' })], 'a>b'), {}, { jobs: { a: exit } }),
  'policy onError branch': of(graph([job('a'), effect('b'), effect('c')], 'a>b', 'a.error>c'), {}, { jobs: { a: exit } }),
  'policy onError fail': of(graph([timer('slow', 5_000), job('a'), effect('b')], 'a>b'), {}, { jobs: { a: exit } }),
  'policy timeout of a wait': of(graph([timer('a', 60_000, { timeoutMs: 1_000, onError: 'continue' }), effect('b')], 'a>b')),
  'policy condition': of(graph([set('a'), effect('b', { condition: 'input.yes' }), effect('c')], 'a>b', 'b>c'), { yes: false }),
  'policy disabled': of(graph([set('a'), effect('b', { disabled: true }), effect('c')], 'a>b', 'b>c')),
  'policy mock': of(graph([job('a', { mock: { pinned: 1 } }), set('b', { v: '{{ steps.a.output.pinned }}' })], 'a>b')),
  'policy runIf any': of(graph([timer('a', 300), timer('b', 2_000), effect('c', { runIf: 'any' })], 'a>c', 'b>c')),
  'policy start manual': of(
    graph([effect('a', { start: 'manual' }), effect('b')], 'a>b'),
    {},
    {
      hands: [{ when: { path: 'a', status: 'waiting' }, command: 'start', path: 'a' }],
    },
  ),
  'policy cache': of(graph([effect('a', { cache: { ttlS: 60 } }), timer('t', 300), effect('b', { cache: { ttlS: 60, key: '{{ input.k }}' } })], 'a>t', 't>b'), {
    k: 'same',
  }),
  'policy priority and labels of a child': of(graph([call('c', {}, { priority: 80 })]), {}, { child }),
  'policy maxConcurrentSteps': of({ ...graph([timer('a', 300), job('b'), effect('c'), effect('d')]), settings: { maxConcurrentSteps: 1 } }),
  'policy concurrency of a workflow': of({ ...graph([timer('a', 300), effect('b')], 'a>b'), settings: { concurrency: { limit: 1, policy: 'queue' } } }),

  'edge when, false': of(graph([set('a', { go: false }), effect('b'), effect('c')], { from: 'a', to: 'b', when: 'steps.a.output.go' }, 'a>c')),
  'edge context': of(graph([timer('a', 400), set('b'), set('c', { waited: '{{ steps.b.output.v }}' })], { from: 'a', to: 'c', mode: ['context'] }, 'b>c')),
  'edges in a diamond': of(graph([set('a'), timer('b', 300), job('c'), node('d', 'merge'), effect('e')], 'a>b', 'a>c', 'b>d', 'c>d', 'd>e')),
  'skips in a row': of(graph([set('a', { v: 1 }, { condition: 'input.no' }), set('b'), set('c'), effect('d')], 'a>b', 'b>c'), { no: false }),

  'map, an item fails it': of(graph([mapOf('m', [set('i'), oddFails], {}, { onError: 'continue' }), effect('z')], 'm>z'), mixed),
  'map, continue': of(graph([mapOf('m', [set('i'), oddFails], { onItemError: 'continue' }), effect('z')], 'm>z'), mixed),
  'map, collect': of(graph([mapOf('m', [set('i'), oddFails], { onItemError: 'collect' }), effect('z')], 'm>z'), mixed),
  'map, items tried again': of(graph([mapOf('m', [job('j')], { itemRetry: retry, concurrency: 1 }), effect('z')], 'm>z'), list, {
    jobs: { 'm[1]/j 1 1': exit },
  }),
  'map, tried again as a whole': of(graph([mapOf('m', [oddFails, timer('t', 200)], {}, { retry }), effect('z')], 'm>z'), mixed),
  'map of jobs and timers': of(graph([mapOf('m', [job('j'), timer('t', 300)])]), list),
  'map of nothing': of(graph([mapOf('m', [set('i')])]), { list: [] }),
  'map in a map': of(
    graph([
      mapOf('m', [node('inner', 'map', { items: '{{ item }}', body: body([timer('t', 200), set('leaf', { v: '{{ item }}', up: '{{ parent.index }}' })]) })]),
    ]),
    { list: [['a', 'b'], ['c'], []] },
  ),
  'map of many, its results not held': of(graph([mapOf('m', [timer('t', 100)], { concurrency: 20 })]), { list: many(40) }),
  'loop while a step says so': of(
    graph(
      [set('a', { go: true }), node('l', 'loop', { while: 'steps.a.output.go', maxIterations: 2, onLimit: 'stop', body: body([timer('t', 200), job('j')]) })],
      'a>l',
    ),
  ),
  'loop at its limit': of(
    graph([node('l', 'loop', { while: 'input.go', maxIterations: 2, body: body([timer('t', 200)]) }, { onError: 'continue' }), effect('z')], 'l>z'),
    { go: true },
  ),
  'loop in a map': of(graph([mapOf('m', [node('l', 'loop', { maxIterations: 2, onLimit: 'stop', body: body([job('j')]) })])]), { list: ['x', 'y'] }),
  'call without waiting': of(graph([call('c', { wait: false }), effect('z')], 'c>z'), {}, { child }),
  'call that fails': of(graph([call('c', {}, { onError: 'continue' }), effect('z')], 'c>z'), {}, { child: graph([timer('t', 300), failing('f')], 't>f') }),
  'call in a map': of(graph([mapOf('m', [call('c')])]), { list: ['x', 'y'] }, { child }),
  'large output': of(
    graph(
      [node('a', 'code.js', { source: 'return [input.text.repeat(270000), 7];' }), timer('t', 200), set('b', { v: '{{ steps.a.output[1] }}' })],
      'a>t',
      't>b',
    ),
  ),
  'bad params': of(graph([broken('a', { onError: 'continue' }), effect('b')], 'a>b'), { seven: 7 }),

  debug: of(
    graph([effect('a'), effect('b')], 'a>b'),
    {},
    {
      debug: true,
      hands: [
        { when: { path: 'a', status: 'waiting' }, command: 'resume' },
        { when: { path: 'b', status: 'waiting' }, command: 'start', path: 'b' },
      ],
    },
  ),
  'hand: pause and resume': of(
    graph([timer('a', 1_000), effect('b')], 'a>b'),
    {},
    {
      hands: [
        { when: { path: 'a', status: 'waiting' }, command: 'pause' },
        { when: { path: 'a', status: 'completed' }, command: 'resume' },
      ],
    },
  ),
  'hand: cancel the instance': of(graph([timer('a', 5_000), mapOf('m', [timer('t', 5_000)])]), list, {
    hands: [{ when: { path: 'm[1]/t', status: 'waiting' }, command: 'cancel' }],
  }),
  'hand: retry the instance': of(
    graph([job('a'), effect('b')], 'a>b'),
    {},
    {
      jobs: { a: exit },
      hands: [
        { when: { path: '', status: 'failed' }, command: 'retry' },
        { when: { path: '', status: 'failed' }, command: 'result', path: 'a', output: { by: 'hand' } },
      ],
    },
  ),
  'hand: retry a completed step': of(
    graph([effect('a'), effect('b')], 'a>b'),
    {},
    { hands: [{ when: { path: '', status: 'completed' }, command: 'retry', path: 'a' }] },
  ),
  'hand: skip': of(graph([timer('a', 5_000), effect('b')], 'a>b'), {}, { hands: [{ when: { path: 'a', status: 'waiting' }, command: 'skip', path: 'a' }] }),
  'hand: complete': of(
    graph([timer('a', 5_000), set('b', { v: '{{ steps.a.output.v }}' })], 'a>b'),
    {},
    {
      hands: [{ when: { path: 'a', status: 'waiting' }, command: 'complete', path: 'a', output: { v: 9 } }],
    },
  ),
  'hand: cancel a step': of(
    graph([timer('a', 5_000, { onError: 'continue' }), effect('b')], 'a>b'),
    {},
    { hands: [{ when: { path: 'a', status: 'waiting' }, command: 'cancel', path: 'a' }] },
  ),
  'hand: edit a result': of(
    graph([effect('a'), timer('t', 5_000), set('b', { v: '{{ steps.a.output.v }}' })], 'a>t', 't>b'),
    {},
    {
      hands: [{ when: { path: 't', status: 'waiting' }, command: 'result', path: 'a', output: { v: 'edited' } }],
    },
  ),
  'hand: retry one item of a map': of(graph([mapOf('m', [set('i'), oddFails], { onItemError: 'continue' }), effect('z')], 'm>z'), mixed, {
    hands: [{ when: { path: '', status: 'completed' }, command: 'retry', path: 'm[1]' }],
  }),
  'hand: retry a failed map': of(graph([mapOf('m', [set('i'), job('j', { condition: 'item.bad' })]), effect('z')], 'm>z'), mixed, {
    jobs: { 'm[1]/j': exit },
    hands: [{ when: { path: '', status: 'failed' }, command: 'retry' }],
  }),
  'hand: skip inside an item': of(
    graph([mapOf('m', [timer('t', 5_000)], { concurrency: 1 })]),
    { list: ['x'] },
    {
      hands: [{ when: { path: 'm[0]/t', status: 'waiting' }, command: 'skip', path: 'm[0]/t' }],
    },
  ),
};
