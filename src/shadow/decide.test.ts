import { deepEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { decide, type Copy, type Situation } from './decide.ts';
import type { ShadowState } from './state.ts';

const state: ShadowState = {
  format: 1,
  systemId: '7',
  writer: { id: 'newest', host: 'pod', since: '2026-01-01T00:00:00.000Z' },
  isComplete: true,
  generations: [{ number: 1, timeline: 1, parent: null, forkLsn: null, history: '', startedAt: '2026-01-01T00:00:00.000Z' }],
};
const begun: ShadowState = { ...state, isComplete: false };

function copy(path: string, change: Partial<Copy> = {}): Copy {
  return { path, systemId: '7', marker: undefined, isOurs: false, ...change };
}
const marked = (path: string, id: string, follows: string | null = null): Copy => copy(path, { marker: { id, follows } });
const nothing = { local: undefined, volume: undefined, state: undefined };

const cases: readonly (readonly [string, Omit<Situation, 'shadow'>, string, { readonly aside?: readonly string[]; readonly leaves?: readonly string[] }])[] = [
  ['nothing anywhere is begun', { plan: 'shadow', ...nothing }, 'create', {}],
  ['the directory that the state names goes on', { plan: 'shadow', ...nothing, state, local: marked('l', 'newest') }, 'use', {}],
  ['a new machine restores', { plan: 'shadow', ...nothing, state }, 'restore', {}],
  [
    'a directory that another has taken over from is older, and is set aside',
    { plan: 'shadow', ...nothing, state, local: marked('l', 'old') },
    'restore',
    { aside: ['l'] },
  ],
  ['one without a mark is older too', { plan: 'shadow', ...nothing, state, local: copy('l', { isOurs: true }) }, 'restore', { aside: ['l'] }],
  ['what ran without a shadow gets one', { plan: 'shadow', ...nothing, local: copy('l', { isOurs: true }) }, 'use', {}],
  ['what another workspace left on this disk is set aside', { plan: 'shadow', ...nothing, local: copy('l', { systemId: '8' }) }, 'create', { aside: ['l'] }],
  ['direct to shadow copies, and leaves the directory on the volume', { plan: 'shadow', ...nothing, volume: copy('v') }, 'copy v', { leaves: ['v'] }],
  [
    'killed after the copy, before the first base backup: the copy goes on',
    { plan: 'shadow', state: begun, local: marked('l', 'newest'), volume: copy('v') },
    'use',
    { leaves: ['v'] },
  ],
  ['killed there, and the disk lost: it is copied again', { plan: 'shadow', ...nothing, state: begun, volume: copy('v') }, 'copy v', { leaves: ['v'] }],
  [
    'killed after the base backup, before the old directory was set aside',
    { plan: 'shadow', state, local: marked('l', 'newest'), volume: copy('v') },
    'use',
    { leaves: ['v'] },
  ],
  ['there, and the disk lost: the shadow is the newest', { plan: 'shadow', ...nothing, state, volume: copy('v') }, 'restore', { leaves: ['v'] }],
  ['shadow to direct restores onto the volume', { plan: 'direct', ...nothing, state }, 'restore', { leaves: ['pg-shadow'] }],
  [
    'shadow to direct on the same machine copies',
    { plan: 'direct', ...nothing, state, local: marked('l', 'newest') },
    'copy l',
    { leaves: ['l', 'pg-shadow'] },
  ],
  [
    'killed after that rename: the directory on the volume is the newest',
    { plan: 'direct', state, local: marked('l', 'newest'), volume: marked('v', 'next', 'newest') },
    'use',
    { leaves: ['pg-shadow'] },
  ],
  [
    'and back to shadow from there copies, not restores',
    { plan: 'shadow', ...nothing, state, volume: marked('v', 'next', 'newest') },
    'copy v',
    { leaves: ['v'] },
  ],
  [
    'an old directory on the volume never wins over the shadow',
    { plan: 'direct', ...nothing, state, volume: copy('v') },
    'restore',
    { aside: ['v'], leaves: ['pg-shadow'] },
  ],
  ['direct stays direct', { plan: 'direct', ...nothing, volume: copy('v') }, 'use', {}],
  ['a shadow that was never complete is nothing to direct', { plan: 'direct', ...nothing, state: begun, volume: copy('v') }, 'use', { leaves: ['pg-shadow'] }],
];
for (const [name, situation, wanted, { aside = [], leaves = [] }] of cases) {
  test(name, () => {
    const { step, ...rest } = decide({ ...situation, shadow: 'pg-shadow' });
    deepEqual([step.do === 'copy' ? `copy ${step.from}` : step.do, rest.aside, rest.leaves], [wanted, aside, leaves]);
  });
}

test('another database than the shadow is refused, by name and system id', () => {
  for (const [plan, place] of [
    ['shadow', 'local'],
    ['shadow', 'volume'],
    ['direct', 'volume'],
  ] as const)
    throws(
      () => decide({ plan, ...nothing, state, [place]: copy('there', { systemId: '8' }), shadow: 'pg-shadow' }),
      /there holds another database \(system id 8\).*pg-shadow \(system id 7\)/,
    );
});
