import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { Step } from '../../../src/contract/instances.ts';
import { stepActions } from './step-actions.ts';

const names = (step: Partial<Step>): readonly string[] => stepActions({ path: 'a', status: 'running', endedAt: null, ...step }).map((look) => look.action);

test('what ended can be run again, gone on from, and given another result', () => {
  deepEqual(names({ status: 'failed', endedAt: '2026-01-01T00:00:00.000Z' }), ['retry', 'rerun', 'result']);
  deepEqual(names({ status: 'skipped', endedAt: '2026-01-01T00:00:00.000Z' }), ['retry', 'rerun']);
});

test('one item of a map is run again by itself', () => {
  deepEqual(names({ path: 'each[3]', status: 'failed', endedAt: '2026-01-01T00:00:00.000Z' }), ['retry']);
});

test('what waits can be completed by hand, what runs can be skipped or cancelled', () => {
  deepEqual(names({ status: 'waiting' }), ['complete', 'skip', 'cancel', 'rerun']);
  deepEqual(names({ status: 'running' }), ['skip', 'cancel', 'rerun']);
  deepEqual(names({ status: 'pending' }), ['skip', 'rerun']);
});
