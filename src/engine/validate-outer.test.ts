/** Calls, queues and triggers are judged against what is there. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Json } from '../contract/endpoint.ts';
import type { Definition } from '../contract/graph.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';

let h: EngineHarness;
let other = '';
before(async () => {
  h = await engineHarness({ neverRuns: ({ gpus = 0 }) => (gpus > 1 ? `it asks for ${gpus} GPUs; this machine has 1` : undefined) });
  other = await h.publish({ nodes: [{ key: 'a', type: 'noop' }] });
});
after(() => h.close());

const call = (workflowId: Json, more: Record<string, Json> = {}): Definition['nodes'][number] => ({
  key: 'call',
  type: 'workflow.call',
  params: { workflowId, ...more },
});

async function codes(definition: Partial<Definition>, workflowId?: string): Promise<string[]> {
  const found = await h.engine.problemsOf({ nodes: [], edges: [], ...definition } as unknown as Json, {
    orgId: h.orgId,
    userId: 'user_test',
    role: 'super_admin',
    workflowId,
  });
  return found.map(({ code, path }) => `${code} ${path}`);
}

test('a workflow that is there can be called, also by a version it has', async () => {
  assert.deepEqual(await codes({ nodes: [call(other)] }), []);
  assert.deepEqual(await codes({ nodes: [call(other, { version: 1 })] }), []);
  assert.deepEqual(await codes({ nodes: [call('{{ input.workflow }}')] }), []);
});

test('a workflow or version that is not there can not', async () => {
  assert.deepEqual(await codes({ nodes: [call('wf_none')] }), ['unknown_workflow nodes[0].params.workflowId']);
  assert.deepEqual(await codes({ nodes: [call(other, { version: 2 })] }), ['unknown_version nodes[0].params.version']);
});

test('nor one of another org, which looks the same as none', async () => {
  await h.db.database.engine.query(`insert into orgs (id, name) values ('org_other', 'Other')`);
  const foreign = await h.engine.problemsOf({ nodes: [call(other)], edges: [] } as unknown as Json, {
    orgId: 'org_other',
    userId: 'user_test',
    role: 'super_admin',
  });
  assert.deepEqual(
    foreign.map(({ code }) => code),
    ['unknown_workflow'],
  );
});

test('a workflow that calls itself each time is refused, behind a choice it is not', async () => {
  const start = { key: 'start', type: 'branch.if', params: { condition: 'input.again' } };
  assert.deepEqual(await codes({ nodes: [call(other)] }, other), ['calls_itself nodes[0].params.workflowId']);
  assert.deepEqual(await codes({ nodes: [start, call(other)], edges: [{ from: 'start', to: 'call' }] }, other), ['calls_itself nodes[1].params.workflowId']);
  assert.deepEqual(await codes({ nodes: [start, call(other)], edges: [{ from: 'start.true', to: 'call' }] }, other), []);
  assert.deepEqual(await codes({ nodes: [start, call(other)], edges: [{ from: 'start', to: 'call', when: 'input.again' }] }, other), []);
  assert.deepEqual(await codes({ nodes: [{ ...call(other), condition: 'input.again' }] }, other), []);
});

test('a step that asks for what this machine could never give is a problem', async () => {
  const job = (facts: object): Partial<Definition> => ({ nodes: [{ key: 'train', type: 'command', params: { command: ['true'] }, ...facts }] });
  assert.deepEqual(await codes(job({ resources: { gpus: 1 } })), []);
  assert.deepEqual(await codes(job({ resources: { gpus: 2 } })), ['unsatisfiable nodes[0].resources']);
  await h.db.database.engine.query(`update queues set default_gpus = 2 where name = 'gpu'`);
  assert.deepEqual(await codes(job({ queue: 'gpu' })), ['unsatisfiable nodes[0].queue']);
  assert.deepEqual(await codes(job({ queue: 'gpu', resources: { gpus: 0 } })), []);
});

test('calls and queues in bodies are judged too', async () => {
  const body = (node: Definition['nodes'][number]): Definition['nodes'][number] => ({
    key: 'm',
    type: 'map',
    params: { items: [1], body: { nodes: [node as unknown as Json], edges: [] } },
  });
  assert.deepEqual(await codes({ nodes: [body(call('wf_none'))] }), ['unknown_workflow nodes[0].params.body.nodes[0].params.workflowId']);
  assert.deepEqual(await codes({ nodes: [body(call(other))] }, other), []);
  assert.deepEqual(await codes({ nodes: [body({ key: 'c', type: 'command', queue: 'nope', params: { command: ['true'] } })] }), [
    'unknown_queue nodes[0].params.body.nodes[0].queue',
  ]);
});

test('an archived workflow can not be called', async () => {
  const old = await h.publish({ nodes: [{ key: 'a', type: 'noop' }] });
  await h.engine.archiveWorkflow({ orgId: h.orgId, workflowId: old, cancel: false, requestId: 'req_test' });
  assert.deepEqual(await codes({ nodes: [call(old)] }), ['archived_workflow nodes[0].params.workflowId']);
});

test('a graph with a cycle and a call of itself is judged, not followed for ever', async () => {
  const found = await codes(
    {
      nodes: [call(other), { key: 'b', type: 'noop' }],
      edges: [
        { from: 'call', to: 'b' },
        { from: 'b', to: 'call' },
      ],
    },
    other,
  );
  assert.deepEqual(found, ['cycle nodes[0]']);
});
