import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { className, diskFacts, disksOf, grouped, hopsWords, placeFacts, retentionWords, sealedCount } from './compliance-words.ts';

test('a place says how it is kept, why there, and on which disk where it is another than the usual one', () => {
  const disk = { mountPoint: '/workspace', type: 'ext4', totalBytes: 4 * 1024 ** 3, freeBytes: 1024 ** 3 };
  const place = { class: 'database', where: '/workspace/pg', kept: 'volume', plan: 'direct', disk, note: null } as const;
  equal(placeFacts(place, '/workspace'), 'On the workspace’s volume, directly on it');
  equal(placeFacts({ ...place, note: 'fsync is slow' }, '/'), 'On the workspace’s volume, directly on it; ext4 at /workspace; fsync is slow');
  equal(
    placeFacts({ class: 'queue', where: 'Redis of this machine', kept: 'memory', plan: null, disk: null, note: 'wake-ups' }, '/workspace'),
    'In memory, gone with a restart; wake-ups',
  );
  const local = { ...place, kept: 'machine', disk: { ...disk, mountPoint: '/', type: 'overlay' } } as const;
  deepEqual(disksOf([local, place, place]).map(diskFacts), ['ext4 at /workspace, 1.0 GiB of 4.0 GiB free', 'overlay at /, 1.0 GiB of 4.0 GiB free']);
});

test('times, hops and counts read as people say them', () => {
  const kept = { class: 'x', setBy: 'Studio', note: null };
  deepEqual(
    [null, 0.5, 2, 90].map((days) => retentionWords({ ...kept, days })),
    ['No time limit', '12 hours', '2 days', '90 days'],
  );
  const hops = { for: 2, proto: 1, host: 0, port: 1, prefix: 1 };
  equal(hopsWords({ isTrusted: false, hops }), 'None is trusted: their headers are ignored');
  equal(hopsWords({ isTrusted: true, hops }), 'Trusted, hops from the right: for 2, proto 1, port 1, prefix 1');
  equal(className('past_invites'), 'Past invites');
  equal(sealedCount({ what: 'secrets', count: 3, unreadable: 1 }), '3 sealed, 1 with another key: they can’t be opened');
});

test('rows of a class stand together, in the order of their first', () => {
  deepEqual(
    grouped(['b1', 'a1', 'b2'], (row) => row.charAt(0)),
    [
      ['b', ['b1', 'b2']],
      ['a', ['a1']],
    ],
  );
});
