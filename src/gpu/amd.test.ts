import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRocm } from './amd.ts';

const MI300 = {
  'Device Name': 'AMD Instinct MI300X',
  'Unique ID': '0x4cb2a1f00d5e9a11',
  'Temperature (Sensor junction) (C)': '35.0',
  'Temperature (Sensor memory) (C)': '28.0',
  'Max Graphics Package Power (W)': '750.0',
  'Current Socket Graphics Package Power (W)': '133.0',
  'GPU use (%)': '12',
  'VRAM Total Memory (B)': '206141652992',
  'VRAM Total Used Memory (B)': '297955328',
  'Card Series': 'AMD Instinct MI300X',
  'PCI Bus': '0000:83:00.0',
};

test('rocm-smi is read behind its warnings, with the process of the one card', () => {
  const text = `WARNING: AMD GPU device(s) is/are in a low-power state.\n\n${JSON.stringify({ card0: MI300, system: { 'Driver version': '6.8.5', PID3157: 'python, 1, 21474836480, 0, 0' } })}`;
  assert.deepEqual(parseRocm(text), [
    {
      index: 0,
      uuid: 'GPU-4cb2a1f00d5e9a11',
      name: 'AMD Instinct MI300X',
      vendor: 'amd',
      driver: '6.8.5',
      busId: '0000:83:00.0',
      memoryTotalBytes: 206_141_652_992,
      memoryUsedBytes: 297_955_328,
      sharesMemory: false,
      utilizationPercent: 12,
      temperatureC: 35,
      powerW: 133,
      powerLimitW: 750,
      partOf: null,
      processes: [{ pid: 3157, name: 'python', memoryBytes: 21_474_836_480 }],
      fault: null,
    },
  ]);
});

test('cards without an id of their own are named by their place, and what is no answer is none', () => {
  const older = { ...MI300, 'Unique ID': 'N/A', 'GPU use (%)': 'N/A' };
  const [first, second] = parseRocm(JSON.stringify({ card0: older, card1: { ...older, 'PCI Bus': '0000:84:00.0' } })) ?? [];
  assert.deepEqual([first?.uuid, second?.uuid, first?.utilizationPercent], ['AMD-0000:83:00.0', 'AMD-0000:84:00.0', null]);
  assert.equal(parseRocm('ERROR:root:Driver not initialized (amdgpu not found in modules)'), undefined);
  assert.deepEqual(parseRocm('{}'), []);
});
