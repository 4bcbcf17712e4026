import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { matchesSetting, reloadWords } from './configuration-words.ts';

const setting = {
  name: 'REDIS_URL',
  aliases: ['CACHE_URL'],
  value: 'redis://localhost:6379',
  from: '.env',
  isDefault: false,
  hides: [],
  change: 'set REDIS_URL and restart',
  about: 'a Redis that somebody else runs',
  isLive: false,
};

test('a setting is found by all of the words, in any of its names', () => {
  ok(matchesSetting(setting, ''));
  ok(matchesSetting(setting, 'redis somebody'));
  ok(matchesSetting(setting, 'cache'));
  ok(!matchesSetting(setting, 'redis postgres'));
});

test('a reload is told by what it came to', () => {
  const at = '2026-01-01T00:00:00Z';
  equal(reloadWords({ at, applied: [], needsRestart: [], faults: [] }), 'Nothing has changed');
  equal(reloadWords({ at, applied: ['A', 'B'], needsRestart: ['C'], faults: [] }), 'Took effect: A, B; needs a restart: C');
  equal(reloadWords({ at, applied: [], needsRestart: ['C'], faults: [] }), 'Needs a restart: C');
  equal(reloadWords({ at, applied: [], needsRestart: [], faults: ['PORT: 99999 is too large'] }), 'It can’t be used; nothing was changed');
});
