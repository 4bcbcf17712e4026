import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { runDiskCampaign } from './campaign.ts';
import { noDisks } from './devices.ts';

test('on a full disk Studio refuses and reads on, and works again as soon as there is room, without a restart', { skip: noDisks('small') }, async (context) => {
  const { faults, facts } = await runDiskCampaign({ part: 'full', times: 1, onLine: (line) => context.diagnostic(line) });
  deepEqual(faults, []);
  ok((facts['refused'] ?? 0) > 0, 'the disk was full');
});

test('after a loss of power everything acknowledged is there and whole', { skip: noDisks('nbd') }, async (context) => {
  const { faults, facts } = await runDiskCampaign({ part: 'power', times: 2, onLine: (line) => context.diagnostic(line) });
  deepEqual(faults, []);
  ok((facts['acknowledged'] ?? 0) > 0, 'the load reached Studio');
});
