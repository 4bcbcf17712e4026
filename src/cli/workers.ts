/** `studio workers`: who runs jobs, when each was heard of last, and queues that have jobs and nobody for them. */
import { readLocal } from './api-door.ts';
import { print, printJson, printTable, readArguments, readConfig, type Command } from './command.ts';
import type { ReplyOf } from '../contract/index.ts';

export const workers: Command = async (args) => {
  const { values } = readArguments(args, { json: { type: 'boolean' } });
  const reply = await readLocal(await readConfig(values.config), '/api/v1/infrastructure/health/workers');
  if (reply.status !== 200) throw new Error(`Studio answered ${reply.status}: ${reply.text.slice(0, 300)}`);
  const found = JSON.parse(reply.text) as ReplyOf<'GET /api/v1/infrastructure/health/workers'>;
  if (values.json === true) {
    printJson(found);
    return 0;
  }
  printTable([
    ['worker', 'heard of', 'slots', 'jobs', 'queues'],
    ...found.items.map(({ id, beatAgeMs, slots, jobs, queues }) => [
      id,
      `${(beatAgeMs / 1_000).toFixed(1)} s ago`,
      String(slots),
      String(jobs.length),
      queues.join(', '),
    ]),
  ]);
  print('');
  printTable([
    ['queue', 'pending', 'running', 'worker'],
    ...found.queues.map(({ queue, pending, running, hasWorker }) => [queue, String(pending), String(running), hasWorker ? 'yes' : 'NONE']),
  ]);
  for (const queue of found.withoutWorker) print(`\nNobody serves ${queue}: start a worker for it, or add it to STUDIO_QUEUES of one.`);
  return 0;
};
