import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { InstanceSummary } from '../../src/contract/instances.ts';
import { parseFilter } from '../route.ts';
import { asLongAs, durationOf, filterFault, instanceQuery, matchesInstance, timeOf, toggleInstanceTerm, withTimes } from './instance-filter.ts';

const NOW = Date.parse('2026-05-02T12:00:00.000Z');
const row: InstanceSummary = {
  id: 'inst_1',
  workflowId: 'wf_1',
  workflowName: 'Report',
  version: 1,
  status: 'failed',
  labels: { team: 'blue' },
  priority: 50,
  startedBy: 'cron:daily',
  createdAt: '2026-05-02T10:00:00.000Z',
  startedAt: null,
  endedAt: null,
  seq: 1,
};
const matches = (text: string, changes: Partial<InstanceSummary> = {}): boolean => matchesInstance({ ...row, ...changes }, parseFilter(text), NOW);

test('terms become what the server is asked for; times may be said as an age', () => {
  deepEqual(
    instanceQuery(parseFilter('status:failed,cancelled workflow:wf_1 trigger:cron tag:prod label:team:blue test:all since:24h until:2026-05-02'), NOW),
    {
      status: 'failed,cancelled',
      workflowId: 'wf_1',
      tag: 'prod',
      label: 'team:blue',
      startedBy: 'cron',
      test: 'all',
      since: '2026-05-01T12:00:00.000Z',
      until: '2026-05-02T00:00:00.000Z',
    },
  );
  deepEqual(instanceQuery(parseFilter('label:team test:maybe since:soon duration:long'), NOW), {});
  deepEqual(instanceQuery(parseFilter('label:a:b label:c:d disk "is full" duration:10s..1m'), NOW), {
    label: 'a:b\nc:d',
    search: 'disk "is full"',
    minDurationMs: 10_000,
    maxDurationMs: 60_000,
  });
  equal(timeOf('90m', NOW), '2026-05-02T10:30:00.000Z');
  equal(timeOf('1e9', NOW), undefined);
});

test('a row is matched as the server would', () => {
  equal(matches('trigger:cron'), true);
  equal(matches('trigger:cron:daily'), true);
  equal(matches('trigger:cron:da'), false);
  equal(matches('since:3h'), true);
  equal(matches('since:1h'), false);
  equal(matches('until:2026-05-02T10:00:00.000Z'), false);
  equal(matches('', { isTest: true }), false);
  equal(matches('test:all', { isTest: true }), true);
  equal(matches('test:true'), false);
  equal(matches('cells', { error: { code: 'x', message: '7 cells' } }), true);
});

test('durations are typed as comparisons or as a range; a cell gives two digits of its own', () => {
  deepEqual(['>10s', '<1.5m', '>=2h', '250ms..1s'].map(durationOf), [{ minMs: 10_000 }, { maxMs: 90_000 }, { minMs: 7_200_000 }, { minMs: 250, maxMs: 1_000 }]);
  deepEqual(
    ['10s', '>', '10s..', 'x..1s', '>1y', '', undefined].map(durationOf),
    Array.from({ length: 7 }, () => undefined),
  );
  deepEqual(parseFilter('duration>10s a>b'), { terms: { duration: ['>10s'] }, words: ['a>b'] });
  deepEqual([0, 250, 2_460, 65_000, 3_700_000, 90_000_000].map(asLongAs), ['>0ms', '>250ms', '>2.4s', '>1m', '>1h', '>25h']);
});

test('a row matches by its duration, to now while it goes on, and by all its texts', () => {
  const took = { startedAt: '2026-05-02T10:00:00.000Z', endedAt: '2026-05-02T10:00:30.000Z' };
  equal(matches('duration:>30s', took), true);
  equal(matches('duration:<30s', took), false);
  equal(matches('duration:>1h', { ...took, endedAt: null }), true);
  equal(matches('duration:>0s'), false);
  equal(matches('BLUE'), true);
  equal(matches('grace', { waiting: { kind: 'approval', message: 'Waits for Grace' } }), true);
  equal(matches('inst_0', { rerunOf: 'inst_0' }), true);
});

test('what the list can not do is said', () => {
  match(filterFault(parseFilter('duration:soon')) ?? '', /10s\.\.1m/);
  match(filterFault(parseFilter('a b c d e f g h i')) ?? '', /8 words/);
  match(filterFault(parseFilter('workflow:a,b')) ?? '', /one value/);
  match(filterFault(parseFilter('since:yesterday')) ?? '', /24h/);
  match(filterFault(parseFilter('label:team')) ?? '', /rows that are loaded/);
  equal(filterFault(parseFilter('status:failed since:24h')), undefined);
});

test('filter-by-this replaces where one value counts, adds where several do, and takes away again', () => {
  const twice = toggleInstanceTerm(toggleInstanceTerm(parseFilter(''), 'workflow', 'a'), 'workflow', 'b');
  deepEqual(twice.terms, { workflow: ['b'] });
  deepEqual(toggleInstanceTerm(parseFilter('status:failed'), 'status', 'running').terms, { status: ['failed', 'running'] });
  deepEqual(toggleInstanceTerm(parseFilter('status:failed'), 'status', 'failed').terms, {});
});

test('a part of time is put in by the minute, and taken away', () => {
  const narrowed = withTimes(parseFilter('status:failed'), { fromMs: NOW + 30_500, toMs: NOW + 90_000 });
  deepEqual(narrowed.terms, { status: ['failed'], since: ['2026-05-02T12:00Z'], until: ['2026-05-02T12:02Z'] });
  equal(timeOf(narrowed.terms['since']?.[0], NOW), '2026-05-02T12:00:00.000Z');
  deepEqual(withTimes(narrowed, undefined).terms, { status: ['failed'] });
});
