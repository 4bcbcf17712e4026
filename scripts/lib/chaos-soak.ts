/** The verb of `scripts/chaos --soak MINUTES`: a Studio under mixed work for that long, then the judgement of what has grown. Ctrl-C ends it early, judged all the same. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runSoak } from '../../src/test/chaos/soak/campaign.ts';
import { root } from '../../src/test/source-files.ts';
import { conclude, record, say, versionOf, wholeNumber } from './chaos-verb.ts';

const { values } = parseArgs({
  options: {
    soak: { type: 'string', default: '30' },
    every: { type: 'string', default: '30' },
    folder: { type: 'string' },
    ledger: { type: 'boolean', default: false },
    'ledger-sum': { type: 'boolean', default: false },
  },
});

if (values['ledger-sum']) {
  const path = join(root, 'scripts/chaos-soak-ledger.jsonl');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  const entries = lines.map((line) => JSON.parse(line) as { readonly hours: number; readonly faults: number });
  const hours = entries.reduce((sum, entry) => sum + entry.hours, 0);
  say(`${entries.length} soaks, ${hours.toFixed(2)} hours in all, ${entries.filter(({ faults }) => faults > 0).length} with faults`);
  process.exit(0);
}

const early = new AbortController();
process.once('SIGINT', () => early.abort());
process.once('SIGTERM', () => early.abort());
const version = versionOf();
const at = new Date().toISOString();
const minutes = wholeNumber('soak', values.soak, 1);
const { faults, facts } = await runSoak({
  ...{ minutes, sampleMs: wholeNumber('every', values.every, 1) * 1_000, folder: values.folder, onLine: say },
  signal: early.signal,
});
record('soak', { at, ...version, minutes, ...(values.folder !== undefined && { isResumed: true }), ...facts, faults: faults.length }, values.ledger);
conclude('soaks', faults);
