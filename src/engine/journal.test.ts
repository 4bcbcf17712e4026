/** Group commit: order, atomicity, the fence, bisecting, and a connection that is lost in the middle. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newId } from '../kernel/ids.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Database } from '../store/client.ts';
import { deleteOwners, insertOwner, type Owner } from '../store/owners.ts';
import type { InstanceInsert, StepWrite } from '../store/journal.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { databaseStore } from './store-port.ts';
import { createJournal, emptyGroup, type Group, type GroupLost, type Journal } from './journal.ts';

let db: TestDatabase;
let owner: Owner;
before(async () => {
  db = await testDatabase();
  const sql = db.database.engine;
  await sql.query(`insert into orgs (id, name) values ('org_1', 'One')`);
  await sql.query(`insert into workflows (id, org_id, name, version) values ('wf_1', 'org_1', 'W', 1)`);
  await sql.query(
    `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ('wf_1', 1, 'org_1', '{}', '', 0)`,
  );
});
after(() => db.close());

async function open(database: Database = db.database): Promise<Journal> {
  owner = await insertOwner(db.database.engine, { id: newId('own'), host: 'h', pid: 1, pidStarted: '1' });
  return createJournal({
    store: databaseStore(database.engine),
    announce: () => database.announce(),
    clock: systemClock,
    log: silentLog,
    fence: () => ({ ownerId: owner.id, epoch: owner.epoch }),
  });
}

function created(id: string): Group {
  const insert: InstanceInsert = {
    id,
    orgId: 'org_1',
    workflowId: 'wf_1',
    version: 1,
    status: 'running',
    input: '{}',
    labels: '{}',
    priority: 50,
    startedBy: 'manual',
    rerunOf: null,
    principal: null,
    seq: 1,
    createdAt: 0,
    startedAt: 0,
    parentId: null,
    parentPath: null,
    parentGeneration: null,
    depth: 0,
    debug: false,
    isTest: false,
    limitKey: null,
    rateKey: null,
    waiting: null,
    starter: null,
  };
  return { ...emptyGroup(id), created: insert, events: [event(id, 1)] };
}

function event(id: string, sequence: number): Group['events'][number] {
  return { id, orgId: 'org_1', sequence, type: 'engine:instance:created', workflowId: 'wf_1', payload: {}, requestId: null };
}

function step(id: string, path: string, change: Partial<StepWrite> = {}): Group {
  const write: StepWrite = {
    instanceId: id,
    orgId: 'org_1',
    path,
    generation: 1,
    expected: null,
    status: 'completed',
    attempt: 1,
    port: null,
    input: null,
    output: null,
    error: null,
    reason: null,
    wait: null,
    jobId: null,
    workerId: null,
    seq: 2,
    queuedAt: null,
    startedAt: null,
    endedAt: null,
    details: null,
    ...change,
  };
  return { ...emptyGroup(id), steps: new Map([[`${path} 1`, write]]), events: [event(id, write.seq)] };
}

function append(journal: Journal, group: Group): Promise<GroupLost | undefined> {
  return new Promise((resolve) => journal.append(group, resolve));
}

async function count(table: 'steps' | 'outbox', id: string): Promise<number> {
  const { rows } = await db.database.engine.query<{ n: number }>(
    `select count(*)::int as n from ${table === 'steps' ? 'steps where instance_id' : 'outbox where id'} = $1`,
    [id],
  );
  return rows[0]?.n ?? 0;
}

test('groups of one turn share a commit; an insert and its update do not, and stay in order', async () => {
  const journal = await open();
  const id = newId('inst');
  const results = await Promise.all([
    append(journal, created(id)),
    append(journal, step(id, 'a', { status: 'waiting' })),
    append(journal, step(id, 'b')),
    append(journal, step(id, 'a', { expected: 'waiting', seq: 3 })),
  ]);
  assert.deepEqual(results, [undefined, undefined, undefined, undefined]);
  assert.equal(journal.stats.commits, 2);
  assert.equal(await count('outbox', id), 4);
  journal.stop();
});

test('a row that had moved takes nothing with it but what its own instance appended after it', async () => {
  const journal = await open();
  const [id, other, third] = [newId('inst'), newId('inst'), newId('inst')];
  for (const one of [id, other, third]) await append(journal, created(one));
  const [good, moved, after, twice, untouched] = await Promise.all([
    append(journal, step(id, 'a')),
    append(journal, step(id, 'b', { expected: 'waiting' })),
    append(journal, step(id, 'c', { seq: 4 })),
    append(journal, step(other, 'a', { seq: 2 })).then(() => append(journal, step(other, 'a', { seq: 9 }))),
    append(journal, step(third, 'a')),
  ]);
  assert.deepEqual([good, moved?.why, after?.why, twice?.why, untouched], [undefined, 'moved', 'moved', 'moved', undefined]);
  assert.deepEqual([await count('steps', id), await count('outbox', id)], [1, 2]);
  assert.deepEqual([await count('steps', other), await count('steps', third)], [1, 1]);
  assert.equal(await append(journal, step(id, 'd', { seq: 3 })), undefined, 'its next life writes again');
  journal.stop();
});

test('what waits behind a commit is lost with the group that it stands on', async () => {
  const journal = await open();
  const id = newId('inst');
  await append(journal, created(id));
  const lost = [append(journal, step(id, 'a', { expected: 'waiting' }))];
  // The first is on its way by then: these wait in line.
  await Promise.resolve();
  lost.push(append(journal, step(id, 'b', { seq: 3 })), append(journal, step(id, 'c', { seq: 4 })));
  assert.deepEqual(
    (await Promise.all(lost)).map((one) => one?.why),
    ['moved', 'moved', 'moved'],
  );
  assert.equal(await count('steps', id), 0);
  journal.stop();
});

test('a group that PostgreSQL refuses fails alone', async () => {
  const journal = await open();
  const [id, other] = [newId('inst'), newId('inst')];
  for (const one of [id, other]) await append(journal, created(one));
  const [good, refused, after] = await Promise.all([
    append(journal, step(id, 'a')),
    append(journal, step(id, 'b', { error: 'no json' })),
    append(journal, step(other, 'c')),
  ]);
  assert.deepEqual([good, refused?.why, after], [undefined, 'refused', undefined]);
  journal.stop();
});

test('texts arrive as they were, whatever characters they hold', async () => {
  const journal = await open();
  const id = newId('inst');
  const odd = '\u001f\u001e{}",\\ null NULL \n\t';
  const output = JSON.stringify({ [odd]: [odd, '', 'ü', null] });
  await append(journal, created(id));
  const lost = await Promise.all([
    append(journal, step(id, 'a', { output, reason: odd, port: '' })),
    append(journal, step(id, 'b', { output: '""', input: output, seq: 3 })),
  ]);
  assert.deepEqual(lost, [undefined, undefined]);
  const { rows } = await db.database.engine.query('select path, input, output, reason, port from steps where instance_id = $1 order by path', [id]);
  assert.deepEqual(rows, [
    { path: 'a', input: null, output, reason: odd, port: '' },
    { path: 'b', input: output, output: '""', reason: null, port: null },
  ]);
  journal.stop();
});

test('what many new instances have in common is written of each, and a difference of one is its own', async () => {
  const journal = await open();
  const odd = '\u001f\u001e{}",\\ NULL';
  for (const priorities of [
    [7, 7, 7, 7],
    [7, 7, 9, 7],
  ]) {
    const groups = priorities.map((priority, index) => {
      const group = created(newId('inst'));
      if (group.created === undefined) throw new Error('it creates');
      return { ...group, created: { ...group.created, priority, startedBy: odd, labels: '{"a":"ü"}', input: String(index), debug: true } };
    });
    await Promise.all(groups.map((group) => append(journal, group)));
    const ids = groups.map((group) => group.instanceId);
    const { rows } = await db.database.engine.query(
      `select i.priority, i.started_by, i.labels, i.input, i.debug, i.principal, i.owner_epoch, o.org_id, o.parent, o.request_id
       from instances i join outbox o on o.id = i.id collate "default" where i.id = any($1) order by i.input`,
      [ids],
    );
    const common = { started_by: odd, labels: { a: 'ü' }, debug: true, principal: null, owner_epoch: owner.epoch };
    const told = { org_id: 'org_1', parent: 'workflow:wf_1', request_id: null };
    assert.deepEqual(
      rows,
      priorities.map((priority, index) => ({ priority, ...common, input: String(index), ...told })),
    );
  }
  journal.stop();
});

test('what follows from a commit runs while the next is written, each instance in its order', async () => {
  const journal = await open();
  const ids = Array.from({ length: 1_200 }, () => newId('inst'));
  const heard: string[] = [];
  const tell = (name: string) => (): void => void heard.push(name);
  for (const [index, id] of ids.entries()) {
    journal.append(created(id), tell(`${index} made`));
    journal.append(step(id, 'a'), tell(`${index} ended`));
  }
  await journal.drained();
  assert.equal(heard.length, 2_400);
  for (const index of ids.keys()) assert.ok(heard.indexOf(`${index} made`) < heard.indexOf(`${index} ended`));
  journal.stop();
});

test('an owner whose row is gone writes nothing', async () => {
  const journal = await open();
  const id = newId('inst');
  await append(journal, created(id));
  await deleteOwners(db.database.engine, [owner.epoch], 0);
  assert.equal((await append(journal, step(id, 'a')))?.why, 'fenced');
  assert.equal(await count('steps', id), 0);
  journal.stop();
});

/** A database whose next statement is cut off, before or after it was committed. */
function cut(database: Database, when: 'before' | 'after'): Database {
  let isCut = false;
  const lost = (): Error => Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' });
  return {
    ...database,
    engine: {
      ...database.engine,
      async query(text, values) {
        if (isCut || !text.startsWith('with fence')) return database.engine.query(text, values);
        isCut = true;
        if (when === 'before') throw lost();
        await database.engine.query(text, values);
        throw lost();
      },
    },
  };
}

for (const when of ['before', 'after'] as const) {
  test(`a connection lost ${when} the commit loses nothing and writes nothing twice`, async () => {
    const plain = await open();
    const id = newId('inst');
    await append(plain, created(id));
    plain.stop();
    const journal = createJournal({
      store: databaseStore(cut(db.database, when).engine),
      announce: () => undefined,
      clock: systemClock,
      log: silentLog,
      fence: () => ({ ownerId: owner.id, epoch: owner.epoch }),
    });
    assert.deepEqual(await Promise.all([append(journal, step(id, 'a')), append(journal, step(id, 'b', { seq: 3 }))]), [undefined, undefined]);
    assert.deepEqual([await count('steps', id), await count('outbox', id)], [2, 3]);
    journal.stop();
  });
}
