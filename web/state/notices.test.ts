import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noticesOf } from './notices.ts';
import type { Health } from './health.ts';

const well: Health = {
  status: 'ok',
  reasons: [],
  version: '0.1.0',
  startedAt: '2026-01-01T00:00:00Z',
  storage: null,
  machine: { cpuShare: 0.2, cores: 2, load1: 0.4, memoryUsedBytes: 1, memoryTotalBytes: 2, processBytes: 1 },
  database: { ok: true, ms: 1 },
  redis: { ok: true, ms: 1 },
  workers: { alive: 1 },
  jobs: { pending: 0, running: 0, stuck: 0 },
  sockets: { open: 1, limit: 1_000 },
  maintenance: { mode: 'off', message: null, since: null },
};

test('a healthy machine says nothing', () => {
  assert.deepEqual(noticesOf(well), []);
});

test('what would be lost stands above what is only slower, and stays', () => {
  const storage = {
    path: '/workspace',
    mountType: 'overlay',
    mountPoint: '/',
    wanted: 'ephemeral',
    plan: 'ephemeral',
    shadow: null,
    banner: 'Nothing here outlives this container.',
    reasons: [],
    freeBytes: 1,
    totalBytes: 2,
    fsyncMs: 1,
    keepsOwner: true,
    keepsMode: true,
    locks: true,
  } as const;
  const notices = noticesOf({ ...well, status: 'degraded', storage: { ...storage, reasons: [] }, redis: { ok: false, ms: 0, reason: 'not installed' } });
  assert.deepEqual(
    notices.map((notice) => [notice.id, notice.tone, notice.closable]),
    [
      ['storage', 'bad', false],
      ['redis', 'warn', true],
    ],
  );
  assert.match(notices[1]?.text ?? '', /not installed/);
});

test('maintenance is told in the words of who set it, or in our own', () => {
  const of = (mode: 'warned' | 'on', message: string | null): readonly string[] =>
    noticesOf({ ...well, maintenance: { mode, message, since: '2026-01-01T00:00:00Z' } }).map(({ text }) => text);
  assert.deepEqual(of('warned', 'New disks at nine'), ['Maintenance soon: New disks at nine']);
  assert.deepEqual(of('warned', null), ['Maintenance soon: people will be kept out for a while.']);
  assert.deepEqual(of('on', 'New disks'), ['Maintenance: New disks. Only super administrators can work now; what runs goes on.']);
  assert.deepEqual(of('on', null), ['Maintenance. Only super administrators can work now; what runs goes on.']);
});
