import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { applyBackupEvent, kindWords, progressWords, restoreCommand, worthOf } from './backup-words.ts';
import type { Backup, BackupList, BackupProgress } from '../../src/contract/backups.ts';

const progress: BackupProgress = { phase: 'database', doneBytes: 1_048_576, totalBytes: 4_194_304, at: 'steps', rate: 524_288, leftMs: 6_000 };
const idle = { items: [], work: null } as unknown as BackupList;
const busy = { ...idle, work: { id: 'bak_1', kind: 'create', reason: 'manual', startedAt: '', progress: { ...progress, doneBytes: 0 } } } as BackupList;

test('progress of the work at hand is applied; all else about backups is read again, and nothing else is', () => {
  const told = { event_type: 'ops:backup:progress', entity_id: 'bak_1', payload: { progress: { ...progress } } } as const;
  const after = applyBackupEvent(busy, told);
  deepEqual(after === 'reload' ? after : after.work?.progress, progress);
  equal(applyBackupEvent(busy, { ...told, entity_id: 'bak_2' }), 'reload');
  equal(applyBackupEvent(idle, told), 'reload');
  equal(applyBackupEvent(busy, { ...told, event_type: 'ops:backup:completed' }), 'reload');
  equal(applyBackupEvent(busy, { ...told, event_type: 'jobs:job:queued' }), busy);
});

test('progress is told with its rate and the time left, as far as they are known', () => {
  equal(progressWords(progress), '1.0 MiB of 4.0 MiB, 512 KiB/s, 6.0 s left');
  equal(progressWords({ ...progress, rate: null, leftMs: null }), '1.0 MiB of 4.0 MiB');
  equal(progressWords({ ...progress, totalBytes: null }), '');
});

test('a backup is worth what its proof found', () => {
  const backup = { id: 'bak_1', status: 'complete', proof: null, isEncrypted: true } as unknown as Backup;
  equal(worthOf(backup).tone, 'unknown');
  equal(worthOf({ ...backup, proof: { ok: true, message: '' } as Backup['proof'] }).tone, 'good');
  equal(worthOf({ ...backup, proof: { ok: false, message: 'x' } as Backup['proof'] }).why, 'x');
  equal(worthOf({ ...backup, status: 'damaged', fault: 'cut off' }).why, 'cut off');
  equal(restoreCommand(backup), 'studio backup restore bak_1 --passphrase-file FILE');
});

test('the kind says where a backup can go back to', () => {
  equal(kindWords({ kind: 'logical', postgresMajor: null }), 'Logical: restores onto any PostgreSQL from 15 on');
  equal(kindWords({ kind: 'physical', postgresMajor: 18 }), 'Physical: restores onto PostgreSQL 18 only');
});
