import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { serverSettings, sizeFor, tooLittle } from './sizing.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

test('an ordinary machine gets what was measured on such', () => {
  const { sharedBuffersBytes, redisBytes, ...rest } = sizeFor({ processors: 2, memoryBytes: 8 * GIB, tasks: null });
  deepEqual(rest, { engineConnections: 12, apiConnections: 8, maxConnections: 60, slots: 4 });
  deepEqual([sharedBuffersBytes, redisBytes], [128 * MIB, 128 * MIB]);
  equal(sizeFor({ processors: 2, memoryBytes: 2.5 * GIB, tasks: null }).sharedBuffersBytes, 32 * MIB);
});

test('a small pod gets less of everything', () => {
  deepEqual(sizeFor({ processors: 0.5, memoryBytes: 512 * MIB, tasks: 256 }), {
    ...{ engineConnections: 6, apiConnections: 4, maxConnections: 60, slots: 1 },
    ...{ sharedBuffersBytes: 16 * MIB, redisBytes: 16 * MIB },
  });
});

test('a large machine gets more, within bounds', () => {
  deepEqual(sizeFor({ processors: 64, memoryBytes: 512 * GIB, tasks: 100_000 }), {
    ...{ engineConnections: 32, apiConnections: 28, maxConnections: 100, slots: 32 },
    ...{ sharedBuffersBytes: 256 * MIB, redisBytes: 256 * MIB },
  });
});

test('whatever the limits, both pools fit into what PostgreSQL allows, and there is a slot', () => {
  for (const processors of [0.1, 1, 9, 33, 256])
    for (const memoryBytes of [64 * MIB, GIB, 48 * GIB])
      for (const tasks of [null, 1, 231, 4096]) {
        const sizing = sizeFor({ processors, memoryBytes, tasks });
        ok(sizing.engineConnections + sizing.apiConnections + 20 <= sizing.maxConnections);
        ok(sizing.slots >= 1 && Number.isInteger(sizing.slots));
      }
});

test('PostgreSQL is told in its own units', () => {
  deepEqual(serverSettings(sizeFor({ processors: 2, memoryBytes: 8 * GIB, tasks: null })), { max_connections: '60', shared_buffers: '128MB' });
});

test('what is too little is named with its remedy', () => {
  const enough = { cgroup: 2, processors: 4, hasQuota: true, memoryBytes: 8 * GIB, tasks: 4096, openFiles: 65_536 } as const;
  deepEqual(tooLittle(enough), []);
  deepEqual(tooLittle({ ...enough, tasks: null, openFiles: null }), []);
  deepEqual(
    tooLittle({ ...enough, openFiles: 1024, tasks: 100, memoryBytes: GIB }).map(({ about }) => about),
    ['1024 open files', '100 processes and threads', '4 CPUs, 1.0 GiB of memory'],
  );
});
