import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { databaseStore, type EngineStore } from '../../engine/store-port.ts';
import type { Batch, InstanceInsert, StepWrite } from '../../store/journal.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { emptyRows, type Rows } from './rows.ts';
import { memoryStore } from './store.ts';

let db: TestDatabase;
let rows: Rows;
let stores: readonly [EngineStore, EngineStore];
const definition = { nodes: [], edges: [] };

before(async () => {
  db = await testDatabase();
  await db.database.engine.query(`insert into orgs (id, name) values ('org_1', 'Test')`);
  await db.database.engine.query(`insert into workflows (id, org_id, name, version) values ('wf_1', 'org_1', 'W', 1)`);
  await db.database.engine.query(
    `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ('wf_1', 1, 'org_1', $1, '', 0)`,
    [JSON.stringify(definition)],
  );
  rows = emptyRows();
  rows.workflows.set('wf_1', { id: 'wf_1', name: 'W', definition });
  stores = [memoryStore(rows, systemClock.now), databaseStore(db.database.engine)];
});
after(() => db.close());

/** The answers of both, or the codes of their refusals. */
async function ask(question: (store: EngineStore) => Promise<unknown>): Promise<[unknown, unknown]> {
  const answers = stores.map((store) =>
    question(store).then(
      (value) => value,
      (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
    ),
  );
  const [memory, database] = await Promise.all(answers);
  return [memory, database];
}

async function same(question: (store: EngineStore) => Promise<unknown>, what: string): Promise<unknown> {
  const [memory, database] = await ask(question);
  assert.deepEqual(memory, database, what);
  return database;
}

const ID = 'inst_01kdvdna000000000000000001';
const none: Batch = { created: [], inserts: [], updates: [], instances: [], attempts: [], logs: [], events: [] };

function created(id: string, more: Partial<InstanceInsert> = {}): InstanceInsert {
  const fixed = {
    orgId: 'org_1',
    workflowId: 'wf_1',
    version: 1,
    status: 'running',
    input: '{"a":1}',
    labels: '{"l":"1"}',
    priority: 50,
    startedBy: 'manual',
  } as const;
  const empty = {
    rerunOf: null,
    principal: null,
    parentId: null,
    parentPath: null,
    parentGeneration: null,
    limitKey: null,
    rateKey: null,
    waiting: null,
    starter: null,
  };
  return { id, ...fixed, ...empty, seq: 1, createdAt: 1_767_225_600_000, startedAt: 1_767_225_600_000, depth: 0, debug: false, isTest: false, ...more };
}

function step(path: string, seq: number, more: Partial<StepWrite> = {}): StepWrite {
  const empty = { port: null, input: null, output: null, error: null, reason: null, wait: null, jobId: null, workerId: null, details: null };
  const times = { queuedAt: null, startedAt: 1_767_225_600_000, endedAt: null };
  return { instanceId: ID, orgId: 'org_1', path, generation: 1, expected: null, status: 'running', attempt: 1, ...empty, ...times, seq, ...more };
}

test('the store in memory answers and refuses as PostgreSQL does', async () => {
  await same((store) => store.insertOwner({ id: 'own_1', host: 'h', pid: 1, pidStarted: '1' }), 'an owner');
  const fence = { ownerId: 'own_1', epoch: 1 };
  const write =
    (batch: Partial<Batch>, by = fence) =>
    (store: EngineStore) =>
      store.writeGroups(by, { ...none, ...batch }, []);
  await same(write({ created: [created(ID)] }), 'a new instance');
  await same(write({ created: [created(ID)] }), 'the same again is refused');
  await same(write({ created: [created(`${ID}x`)] }, { ownerId: 'own_1', epoch: 9 }), 'no fence, no write');
  await same(write({ inserts: [step('a', 2, { input: '{"x":1}' }), step('m', 3), step('m[0]', 4), step('m[0]/b', 5), step('m[0]/in[1]/c', 6)] }), 'steps');
  await same(write({ inserts: [step('a', 7)] }), 'a step that is there is not made again');
  await same(write({ updates: [step('a', 8, { expected: 'queued', status: 'completed' })] }), 'another state than expected');
  await same(write({ updates: [step('a', 8, { expected: 'running', status: 'waiting', wait: '{"kind":"retry","message":"m"}' })] }), 'a change');
  await same(write({ updates: [step('a', 8, { expected: 'waiting', status: 'waiting' })] }), 'a change that is not younger');
  await same(write({ updates: [step('a', 9, { expected: 'waiting', status: 'completed', output: '{"v":1}' })] }), 'an end');
  await same(
    write({
      inserts: [
        step('a', 10, { generation: 2, status: 'failed', error: '{"code":"x","message":"y"}' }),
        step('m[1]', 11, { status: 'completed', output: '7' }),
      ],
    }),
    'generations',
  );
  const waiting = {
    id: ID,
    expected: 'running',
    status: 'waiting',
    output: null,
    error: null,
    waiting: '{"kind":"timer","message":"m"}',
    startedAt: 1_767_225_600_000,
    endedAt: null,
  } as const;
  await same(write({ instances: [{ ...waiting, seq: 12 }] }), 'an instance moves');
  await same(write({ instances: [{ ...waiting, seq: 13 }] }), 'from where it was only');

  await same((store) => store.loadSteps([ID]), 'steps at the top');
  await same((store) => store.loadStepsUnder(ID, 'm[0]/'), 'steps in an item');
  await same((store) => store.loadStepsAt(ID, ['m[1]', 'a']), 'steps by path');
  await same((store) => store.listBodyRows({ instanceId: ID, prefix: 'm[', base: 0 }), 'rows of a body');
  await same((store) => store.readHighestGeneration(ID, 'm['), 'the highest generation');
  await same((store) => store.readItemResults({ instanceId: ID, path: 'm', base: 0, indexes: [0, 1, 2] }), 'results of items');
  await same((store) => store.readStepInput({ instanceId: ID, path: 'a', generation: 1 }), 'an input stays');
  await same((store) => store.readOutcome(ID), 'an outcome');
  await same((store) => store.readStatus('inst_none'), 'no status');
  await same((store) => store.listEndedInstances([ID, 'inst_none']), 'ended ones');
  await same((store) => store.adoptInstance({ id: ID, epoch: 2 }), 'it is held');
  await same((store) => store.deleteOwners([1], 0), 'the owner dies');
  await same((store) => store.isOwner({ id: 'own_1', epoch: 1 }), 'it is none any more');
  await same((store) => store.listOrphanEpochs(), 'what it leaves');
  await same(write({ inserts: [step('late', 14)] }), 'it writes no more');
  await same((store) => store.insertOwner({ id: 'own_2', host: 'h', pid: 1, pidStarted: '1' }), 'another owner');
  await same((store) => store.adoptInstances({ epoch: 2, from: 1, after: '', limit: 10 }), 'takes over');
  await same((store) => store.readStoredInstances([ID, 'inst_none']), 'what it took');
  await same((store) => store.readStoredInstance({ orgId: undefined, id: ID }), 'what is known of it');
  await askForPlaces(write({ created: PLACES.map((id) => created(id, { seq: 1, status: 'pending' })) }, { ownerId: 'own_2', epoch: 2 }), {
    end: (id) => write({ instances: [{ ...waiting, id, expected: 'pending', status: 'cancelled', waiting: null, seq: 2 }] }, { ownerId: 'own_2', epoch: 2 }),
    revive: (id) => write({ instances: [{ ...waiting, id, expected: 'cancelled', status: 'running', waiting: null, seq: 3 }] }, { ownerId: 'own_2', epoch: 2 }),
  });
  await same((store) => store.insertCommand({ id: 'cmd_1', orgId: 'org_1', instanceId: ID, kind: 'pause', payload: {} }), 'a command');
  await same((store) => store.listOpenCommands({ epoch: 2, limit: 10 }), 'is open');
  await same((store) => store.readCommandResult('cmd_1'), 'without answer');
  await same((store) => store.finishCommand({ id: 'cmd_1', error: { code: 'conflict', message: 'no' }, effect: undefined }), 'is answered');
  await same((store) => store.readCommandResult('cmd_1'), 'the answer');
  await same((store) => store.withdrawCommand('cmd_1'), 'and can not be taken back');
});

const PLACES = ['1', '2', '3', '4'].map((last) => `inst_01kdvdna00000000000000001${last}`);
type Write = (store: EngineStore) => Promise<unknown>;

/** Places under limits: given, refused, given back, swept. */
async function askForPlaces(make: Write, change: { readonly end: (id: string) => Write; readonly revive: (id: string) => Write }): Promise<void> {
  const [a = '', b = '', c = '', d = ''] = PLACES;
  const at = 1_767_225_600_000;
  const ask =
    (instanceId: string, afterMs: number, more: { readonly max?: number; readonly rate?: number } = {}) =>
    (store: EngineStore) =>
      store.admit({
        instanceId,
        orgId: 'org_1',
        workflowId: 'wf_1',
        limit: more.max === undefined ? undefined : { key: 'k', max: more.max },
        rate: more.rate === undefined ? undefined : { key: 'r', max: more.rate, perMs: 10_000 },
        nowMs: at + afterMs,
      });
  await same(make, 'instances that ask for places');
  await same(ask(a, 1, { max: 2, rate: 9 }), 'a place');
  await same(ask(b, 3, { max: 2, rate: 9 }), 'another');
  await same(ask(a, 4, { max: 2, rate: 9 }), 'asked again, it has it');
  await same(ask(c, 5, { max: 2, rate: 9 }), 'no third, and who is in the way');
  await same(ask(c, 6, { max: 9, rate: 2 }), 'nor by the rate, and until when');
  await same(ask(c, 10_002, { max: 9, rate: 2 }), 'which lets the next in when the first is old');
  await same((store) => store.listAdmitted([a, b, c, d]), 'who holds places');
  await same((store) => store.releaseAdmission(a, at + 20), 'one that runs keeps its place');
  await same((store) => store.listAdmitted([a, b, c, d]), 'as is seen');
  await same(change.end(a), 'it ends without a word');
  await same(ask(d, 30_000, { max: 3 }), 'and is in the way of nobody');
  await same((store) => store.listAdmitted([a, b, c, d]), 'its place is free');
  await same(ask(a, 30_001, { max: 9 }), 'which it is not given again');
  await same(change.revive(a), 'it is retried');
  await same(
    (store) => store.admitAnyway({ instanceId: a, orgId: 'org_1', workflowId: 'wf_1', limit: { key: 'k', max: 1 }, rate: undefined, nowMs: at + 40_000 }),
    'and counts',
  );
  await same((store) => store.listAdmitted([a, b, c, d]), 'beyond the limit');
  await same(change.end(b), 'another ends');
  await same((store) => store.releaseAdmission(b, at + 50_000), 'and says so');
  await same((store) => store.sweepAdmissions({ nowMs: at + 60_000, forgetBeforeMs: at }), 'nothing to sweep');
  await same(change.end(c), 'one more ends without a word');
  await same((store) => store.sweepAdmissions({ nowMs: at + 70_000, forgetBeforeMs: at + 55_000 }), 'is swept');
  await same((store) => store.listAdmitted([a, b, c, d]), 'in the end');
}
