import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/log.ts';
import { createDevices, parseDevices } from './device.ts';

const log = createLogger({ level: 'silent' });
const folder = mkdtempSync(join(tmpdir(), 'studio-gpu-'));
const path = process.env['PATH'] ?? '';
after(() => {
  process.env['PATH'] = path;
  rmSync(folder, { recursive: true });
});

describe('devices', () => {
  it('reads what nvidia-smi prints, and leaves out what a card does not tell', () => {
    const [card, quiet, ...rest] = parseDevices(
      '0, GPU-1, NVIDIA H100 80GB HBM3, 81559, 1024, 37, 61, 412.50\n1, GPU-2, Tesla K80, 11441, 0, [N/A], [Not Supported], [N/A]\nnonsense\n',
      new Date(0),
    );
    assert.deepEqual(card, {
      index: 0,
      uuid: 'GPU-1',
      name: 'NVIDIA H100 80GB HBM3',
      memoryTotalBytes: 81559 * 1048576,
      memoryUsedBytes: 1024 * 1048576,
      utilizationPercent: 37,
      temperatureC: 61,
      powerW: 412.5,
      sampledAt: '1970-01-01T00:00:00.000Z',
    });
    assert.deepEqual([quiet?.utilizationPercent, quiet?.temperatureC, quiet?.powerW], [null, null, null]);
    assert.deepEqual(rest, []);
  });
  it('asks a real nvidia-smi on the PATH, and has no devices without one or when it fails', async () => {
    const program = join(folder, 'nvidia-smi');
    writeFileSync(program, '#!/bin/sh\necho "0, GPU-1, Fake, 100, 1, 2, 3, 4"\n');
    chmodSync(program, 0o755);
    process.env['PATH'] = `${folder}:${path}`;
    assert.deepEqual(
      (await createDevices({ clock: systemClock, log }).list()).map((device) => device.name),
      ['Fake'],
    );
    writeFileSync(program, '#!/bin/sh\necho "Driver/library version mismatch" >&2\nexit 18\n');
    assert.deepEqual(await createDevices({ clock: systemClock, log }).list(), []);
    process.env['PATH'] = '/nowhere';
    assert.deepEqual(await createDevices({ clock: systemClock, log }).list(), []);
  });
});
