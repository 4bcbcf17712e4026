/** One command on many instances: finds them by the filter, commands each as if it had been named alone. */
import { batchEndpoints, MAX_BATCH } from '../../contract/batches.ts';
import type { InstanceStatus } from '../../contract/values.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError, fail } from '../../kernel/fail.ts';
import type { Sql } from '../../store/client.ts';
import { searchInstances } from '../../store/instance-search.ts';
import { listStatuses } from '../../store/instances.ts';
import { instanceFilterOf } from '../filters.ts';
import { routesOf, type Route } from '../route.ts';

/** Commands at once: each waits for a commit that it shares with its neighbours. */
const AT_ONCE = 50;

type BatchCommand = 'cancel' | 'retry' | 'delete';

const applies: Readonly<Record<BatchCommand, readonly InstanceStatus[]>> = {
  cancel: ['pending', 'running', 'waiting', 'paused'],
  retry: ['failed', 'cancelled'],
  delete: ['completed', 'failed', 'cancelled'],
};

interface Refusal {
  readonly id: string;
  readonly code: string;
  readonly message: string;
}

export interface BatchParts {
  readonly engine: Pick<Engine, 'commandInstance' | 'deleteInstance'>;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
}

export function batchRoutes({ engine, clock }: BatchParts): readonly Route[] {
  return routesOf(batchEndpoints, {
    'POST /api/v1/instances/batch': async (call) => {
      const { command, filter, limit, dryRun } = call.body;
      const { orgId, scopes } = call.caller;
      if (command === 'delete' && scopes !== null && !scopes.includes('*') && !scopes.includes('instances:write'))
        fail('forbidden', `deleting instances needs the API-key scope instances:write; this key has ${scopes.join(', ')}`);
      const { ids, status, test: _test, ...others } = filter;
      const wanted = { ...instanceFilterOf(others, new Date(clock.now())), orgId, ids, statuses: status ?? applies[command], test: testOf(filter) };
      const { items: chosen, next } = await searchInstances(call.sql, { ...wanted, limit: Math.min(limit, MAX_BATCH) }, clock);
      const more = next !== null;
      const missing = new Set(ids).difference(new Set(chosen.map(({ id }) => id)));
      const apart = await namedInVain(call.sql, { orgId, ids: [...missing], command, hasStatus: filter.status !== undefined });
      if (dryRun) return { body: { matched: chosen.length, done: 0, refused: apart, more } };
      const run = (one: { readonly orgId: string; readonly id: string; readonly requestId: string }): Promise<void> =>
        command === 'delete' ? engine.deleteInstance(one) : engine.commandInstance({ ...one, command });
      const refused: Refusal[] = [];
      for (let from = 0; from < chosen.length && !call.signal.aborted; from += AT_ONCE) {
        const bite = chosen.slice(from, from + AT_ONCE);
        await Promise.all(
          bite.map(async ({ id }) => {
            const refusal = await refusalOf(run({ orgId, id, requestId: call.requestId }));
            if (refusal !== undefined) refused.push({ id, ...refusal });
          }),
        );
      }
      return { body: { matched: chosen.length, done: chosen.length - refused.length, refused: [...refused, ...apart], more } };
    },
  });
}

function testOf({ test, ids }: { readonly test?: 'true' | 'false' | 'all' | undefined; readonly ids?: readonly string[] | undefined }): boolean | undefined {
  const wanted = test ?? (ids === undefined ? 'false' : 'all');
  return wanted === 'all' ? undefined : wanted === 'true';
}

interface Named {
  readonly orgId: string;
  readonly ids: readonly string[];
  readonly command: BatchCommand;
  /** The caller says which statuses are meant: others were named to be left alone. */
  readonly hasStatus: boolean;
}

/** Of ids that were named: those that are not there, and those the command does not apply to. */
async function namedInVain(sql: Sql, { orgId, ids, command, hasStatus }: Named): Promise<Refusal[]> {
  if (ids.length === 0) return [];
  const statuses = await listStatuses(sql, { orgId, ids });
  return ids.flatMap((id) => {
    const status = statuses.get(id);
    if (status === undefined) return [{ id, code: 'not_found', message: `there is no instance ${id}` }];
    if (hasStatus || applies[command].includes(status)) return [];
    return [{ id, code: 'illegal_transition', message: `instance ${id} is ${status}; ${command} applies to ${applies[command].join(', ')} instances` }];
  });
}

/** What a command was refused with; undefined when it was carried out. @throws what is no refusal */
async function refusalOf(command: Promise<void>): Promise<Omit<Refusal, 'id'> | undefined> {
  try {
    await command;
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, message: error.message };
  }
}
