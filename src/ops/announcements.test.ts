import { deepEqual } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ServiceStatus } from '../contract/services.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Database } from '../store/client.ts';
import { readEvents } from '../store/outbox.ts';
import { createBootProgress } from '../supervise/boot-progress.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { announceMachine } from './announcements.ts';
import { createHealthBoard } from './health.ts';

let db: TestDatabase;
before(async () => {
  db = await testDatabase();
});
after(() => db.close());

function service(state: ServiceStatus['state']): ServiceStatus {
  return { name: 'redis', state, required: false, pid: null, since: null, restarts: 1, exits: [] };
}

async function written(count: number): Promise<readonly (readonly [string, number])[]> {
  for (let tries = 0; tries < 200; tries++) {
    const { events } = await readEvents(db.database.engine, { after: { xid: 0n, position: 0 }, limit: 100 });
    if (events.length >= count) return events.map((event) => [event.type, event.sequence] as const);
    await systemClock.sleep(25);
  }
  throw new Error(`fewer than ${count} events`);
}

test('changes of services and of health are events of the machine, told again when the database was away', async () => {
  let report: (service: ServiceStatus) => void = () => undefined;
  let isAway = false;
  const engine = {
    ...db.database.engine,
    transaction: <T>(work: (sql: never) => Promise<T>) =>
      isAway ? Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' })) : db.database.engine.transaction(work as never),
  };
  const database = { ...db.database, engine } as Database;
  const board = createHealthBoard({
    progress: createBootProgress(
      () => 0,
      () => undefined,
    ),
  });
  const end = announceMachine({
    database,
    services: { onChange: (listener) => ((report = listener), () => undefined) },
    board,
    devices: { onChange: () => () => undefined },
    clock: systemClock,
    log: silentLog,
  });
  report(service('running'));
  await written(1);
  isAway = true;
  report(service('backing_off'));
  report(service('starting'));
  board.setDraining();
  await systemClock.sleep(50);
  isAway = false;
  const events = await written(3);
  deepEqual(events.map(([type, sequence]) => `${type} ${sequence}`).toSorted(), [
    'supervise:service:changed 1',
    'supervise:service:changed 2',
    'system:health:changed 1',
  ]);
  end();
});
