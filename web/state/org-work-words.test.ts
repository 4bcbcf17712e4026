import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { applyOrgEvent, orgWorkWords } from './org-work-words.ts';

const told = (payload: Record<string, unknown>) => ({ event_type: 'ops:org:progress', payload }) as Parameters<typeof applyOrgEvent>[1];

const progress = { phase: 'rows', doneBytes: 1, totalBytes: 4, at: 'steps', rate: null, leftMs: null };

test('what goes on with an org is what was told last, and gone with its end; other events change nothing', () => {
  const begun = applyOrgEvent({}, told({ work: 'purge', org: 'org_1', progress }));
  deepEqual(begun, { org_1: { work: 'purge', org: 'org_1', progress } });
  equal(applyOrgEvent(begun, { event_type: 'ops:alert:fired', payload: {} }), begun);
  equal(applyOrgEvent(begun, told({ work: 'purge', org: 'org_1', progress: null }))['org_1'], undefined);
});

test('the phase is told in words of the work', () => {
  equal(orgWorkWords({ work: 'purge', org: 'org_1', progress }), 'Deleting rows');
  equal(orgWorkWords({ work: 'export', org: 'org_1', progress: { ...progress, phase: 'files' } }), 'Writing files');
  equal(orgWorkWords({ work: 'purge', org: 'org_1', progress: { ...progress, phase: 'stop' } }), 'Stopping what runs');
});
