import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gpuOfRow, OLD_FIELDS, readRows, readUnreadable } from './nvidia-text.ts';
import { busKey } from './reading.ts';
import { usageOf, type DeviceTenant } from './usage.ts';
import { visibleDevices } from './visible.ts';
import { readXids } from './xid.ts';

const machine = { totalBytes: 1, usedBytes: 0 };

test('lines that are no rows are left out, and a card that does not tell its memory for a fault is lost', () => {
  const rows = readRows(
    'WARNING: infoROM is corrupted at gpu 0000:01:00.0\n0, GPU-1, A, 0000:01:00.0, 100, 5, 1, 2, 3\n1, GPU-2, B, 0000:02:00.0, [GPU is lost], [GPU is lost], [N/A], ERR!, ERR!\n',
    OLD_FIELDS,
  );
  assert.equal(rows.length, 2);
  const [first, second] = rows.map((row) => gpuOfRow(row, machine));
  assert.deepEqual([first?.fault, first?.memoryUsedBytes], [null, 5 * 1024 * 1024]);
  assert.deepEqual([second?.fault, second?.temperatureC], [{ state: 'lost', reason: 'nvidia-smi answers [GPU is lost] for its memory' }, null]);
});

test('cards that can not be read are found in every shape of the sentence', () => {
  const text = `Unable to determine the device handle for GPU 0000:0B:00.0: Unknown Error
Unable to determine the device handle for GPU0000:41:00.0: GPU is lost.  Reboot the system to recover this GPU`;
  assert.deepEqual(
    readUnreadable(text).map(({ busId, reason }) => [busKey(busId), reason]),
    [
      ['0:0b:00', 'Unknown Error'],
      ['0:41:00', 'GPU is lost. Reboot the system to recover this GPU'],
    ],
  );
  assert.equal(busKey('0000000F:01:00.0'), busKey('000f:01:00'));
});

test('errors of the kernel log are told apart by what the card is good for after them', () => {
  const text = `[1.0] NVRM: Xid (PCI:0000:03:00): 79, GPU has fallen off the bus.
6,1,2,-;NVRM: Xid (PCI:0000:05:00): 13, pid=9, name=x, Graphics Exception
NVRM: Xid (0000:01:00): 62, 0096(1c54) 00000000
NVRM: Xid (PCI:0000:04:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)
NVRM: Xid (PCI:0000:04:00): 154, GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)
NVRM: Xid (PCI:0000:04:00): 154, GPU recovery action changed from 0x0 (None) to 0x3 (Drain and Reset)`;
  assert.deepEqual(
    readXids(text).map(({ bus, number, state }) => [bus, number, state]),
    [
      ['0:03:00', 79, 'lost'],
      ['0:05:00', 13, null],
      ['0:01:00', 62, 'lost'],
      ['0:04:00', 154, 'lost'],
      ['0:04:00', 154, null],
      ['0:04:00', 154, 'draining'],
    ],
  );
});

test('what no tenant uses is external; where the driver hides processes, tenants count as what they were granted', () => {
  const tenant: DeviceTenant = { kind: 'job', id: 'job_1', orgId: 'org_1', bytes: 10, pid: 7 };
  const ownerOf = (pid: number): DeviceTenant | null => (pid === 8 ? tenant : null);
  const shown = usageOf(
    {
      memoryUsedBytes: 30,
      processes: [
        { pid: 8, name: 'ours', memoryBytes: 12 },
        { pid: 9, name: 'theirs', memoryBytes: 17 },
      ],
    },
    [tenant],
    ownerOf,
  );
  assert.deepEqual([shown.externalBytes, shown.processes.map((one) => one.tenant?.id ?? null)], [18, ['job_1', null]]);
  assert.equal(usageOf({ memoryUsedBytes: 30, processes: [] }, [tenant], ownerOf).externalBytes, 20);
  assert.equal(usageOf({ memoryUsedBytes: 30, processes: [{ pid: 8, name: 'ours', memoryBytes: null }] }, [tenant], ownerOf).externalBytes, 20);
  assert.equal(usageOf({ memoryUsedBytes: 30, processes: [] }, []).externalBytes, 30);
});

test('a process sees its devices by uuid, in the variable of their maker, and none without a grant', () => {
  assert.deepEqual(visibleDevices(['GPU-3f1c6a52-0d0b-7a64-9e0c-5d7a3b1f8c11', 'MIG-1']), {
    CUDA_VISIBLE_DEVICES: 'GPU-3f1c6a52-0d0b-7a64-9e0c-5d7a3b1f8c11,MIG-1',
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
  });
  assert.deepEqual(visibleDevices(['GPU-4cb2a1f00d5e9a11']), { ROCR_VISIBLE_DEVICES: 'GPU-4cb2a1f00d5e9a11' });
  assert.deepEqual(visibleDevices([]), { CUDA_VISIBLE_DEVICES: '', ROCR_VISIBLE_DEVICES: '-1' });
});
