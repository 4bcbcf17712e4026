import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { complete, completionsAt } from './filter-complete.ts';
import type { FilterTerm } from './filter-complete.ts';

const terms: readonly FilterTerm[] = [
  { name: 'status', hint: 'how it stands', values: [{ value: 'running' }, { value: 'failed', count: 3 }, { value: 'completed' }] },
  { name: 'workflow', hint: 'of which', values: [{ value: 'wf_1', label: 'Nightly report' }] },
  { name: 'label', hint: 'key:value', isPair: true, values: [{ value: 'team:blue sky' }] },
  { name: 'since', hint: 'a time' },
];
const labels = (text: string, caret = text.length): readonly string[] => completionsAt(text, caret, terms).map((each) => each.label);

test('names are offered first, then the values of the name', () => {
  deepEqual(labels(''), ['status:', 'workflow:', 'label:', 'since:']);
  deepEqual(labels('status:failed s'), ['status:', 'since:']);
  deepEqual(labels('status:'), ['running', 'failed', 'completed']);
  deepEqual(labels('status:failed,'), ['running', 'completed']);
  deepEqual(labels('since:'), []);
  deepEqual(labels('unknown:'), []);
});

test('a value is found by what people call it', () => {
  deepEqual(completionsAt('workflow:night', 14, terms)[0], { from: 9, to: 14, text: 'wf_1 ', label: 'Nightly report', hint: '' });
});

test('what is chosen replaces what was typed, in the middle too, and spaces are quoted', () => {
  const [failed] = completionsAt('status:fa label:x', 9, terms);
  deepEqual(failed === undefined ? undefined : complete('status:fa label:x', failed), { text: 'status:failed label:x', caret: 14 });
  const [label] = completionsAt('label:team', 10, terms);
  equal(label === undefined ? '' : complete('label:team', label).text, 'label:"team:blue sky" ');
});
