/** Instances and their steps: starting, listing, reading, deleting. Commands: instance-commands.ts. */
import { instanceEndpoints } from '../../contract/instances.ts';
import { stepStatuses } from '../../contract/values.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import type { Clock } from '../../kernel/clock.ts';
import { fail } from '../../kernel/fail.ts';
import { Broadcast } from '../../realtime/envelope.ts';
import { searchInstances } from '../../store/instance-search.ts';
import { currentCursor, readStream } from '../../store/outbox.ts';
import { countItems } from '../../store/step-windows.ts';
import { listAttempts, listSteps, readStepLog } from '../../store/steps.ts';
import { instanceFilterOf, statusesOf } from '../filters.ts';
import { pageOf } from '../pages.ts';
import { requireInstance } from '../require-instance.ts';
import { routesOf, type Route } from '../route.ts';
import { withReasons } from '../wait-reasons.ts';

export interface InstanceParts {
  readonly engine: Pick<Engine, 'startInstance' | 'startBatch' | 'deleteInstance' | 'waitEnded'>;
  readonly jobs: Pick<Jobs, 'explain'>;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Under what traces have an instance; undefined: they have not. */
  readonly traceIdOf?: ((instanceId: string) => string | undefined) | undefined;
}

/** A caller that waits longer gets a new cursor: from an old one it would hear again what everybody did meanwhile. */
const SOON_MS = 1_000;

/** A person waits for a list: what it costs is bounded, and the answer says how far it went. */
const SEARCH_MS = 200;

/** A step's log is read whole; what is further back is in the store until the instance is deleted. */
const LOG_LINES = 10_000;

export function instanceRoutes({ engine, jobs, clock, traceIdOf }: InstanceParts): readonly Route[] {
  return routesOf(instanceEndpoints, {
    'POST /api/v1/workflows/{id}/instances': async (call) => {
      const waitMs = (call.query.wait ?? 0) * 1_000;
      const soonMs = Math.min(waitMs, SOON_MS);
      // Beside the start: what comes after the cursor includes all that the answer may lack.
      const [{ id, recorded }, cursor] = await Promise.all([
        engine.startInstance({
          ...call.body,
          id: call.newId('inst'),
          isNew: !call.isRepeat,
          orgId: call.caller.orgId,
          workflowId: call.params.id,
          startedBy: 'manual',
          starter: call.caller.userId,
          requestId: call.requestId,
        }),
        call.cursor(),
      ]);
      const endedSoon = soonMs > 0 && (await engine.waitEnded(id, soonMs, call.signal));
      const hasEnded = endedSoon || (waitMs > soonMs && (await engine.waitEnded(id, waitMs - soonMs, call.signal)));
      const isSoon = endedSoon || waitMs === soonMs;
      const known = isSoon ? recorded?.() : undefined;
      const body = known === undefined ? await requireInstance(call, id, isSoon ? cursor : await currentCursor(call.sql)) : { ...known, cursor };
      return { body, status: hasEnded ? 200 : 201, headers: { location: `/api/v1/instances/${id}` } };
    },
    'POST /api/v1/workflows/{id}/instances/batch': async (call) => {
      const ids = call.body.inputs.map(() => call.newId('inst'));
      return {
        body: {
          ids: [
            ...(await engine.startBatch({
              ...call.body,
              ids,
              isNew: !call.isRepeat,
              orgId: call.caller.orgId,
              workflowId: call.params.id,
              startedBy: 'manual',
              starter: call.caller.userId,
              requestId: call.requestId,
            })),
          ],
        },
      };
    },
    'GET /api/v1/instances': async (call) => {
      const cursor = await call.cursor();
      const { limit, after, ...filter } = call.query;
      const wanted = instanceFilterOf(filter, new Date(clock.now()));
      const { items, next, searchedTo } = await searchInstances(call.sql, { orgId: call.caller.orgId, ...wanted, after, limit, budgetMs: SEARCH_MS }, clock);
      return { body: { items: [...items], next, ...(searchedTo === undefined ? {} : { searchedTo: searchedTo.toISOString() }), cursor } };
    },
    'GET /api/v1/instances/{id}': async (call) => {
      const found = await requireInstance(call, call.params.id);
      const traceId = traceIdOf?.(found.id);
      return { body: traceId === undefined ? found : { ...found, traceId } };
    },
    'GET /api/v1/instances/{id}/steps': async (call) => {
      const { cursor } = await requireInstance(call, call.params.id);
      const { limit, after, path, under, status } = call.query;
      const found = await listSteps(call.sql, {
        orgId: call.caller.orgId,
        instanceId: call.params.id,
        path,
        under,
        statuses: statusesOf(status, stepStatuses),
        after: after === undefined ? 0 : wholeNumber(after),
        limit: limit + 1,
      });
      return { body: pageOf(await withReasons(call, jobs, found), { limit, after: (step) => String(step.seq), cursor }) };
    },
    'GET /api/v1/instances/{id}/steps/{path}/items': async (call) => {
      await requireInstance(call, call.params.id);
      return { body: await countItems(call.sql, { orgId: call.caller.orgId, instanceId: call.params.id, path: call.params.path }) };
    },
    'GET /api/v1/instances/{id}/steps/{path}/attempts': async (call) => {
      const { cursor } = await requireInstance(call, call.params.id);
      const { limit, after } = call.query;
      const found = await listAttempts(call.sql, {
        orgId: call.caller.orgId,
        instanceId: call.params.id,
        path: call.params.path,
        before: attemptOf(after),
        limit: limit + 1,
      });
      return { body: pageOf(found, { limit, after: (attempt) => `${attempt.generation}.${attempt.attempt}`, cursor }) };
    },
    'GET /api/v1/instances/{id}/steps/{path}/log': async (call) => {
      await requireInstance(call, call.params.id);
      const lines = await readStepLog(call.sql, { orgId: call.caller.orgId, instanceId: call.params.id, path: call.params.path, limit: LOG_LINES });
      return new Response(lines.map(({ at, line }) => `${at.toISOString()} ${line}\n`).join(''), { headers: { 'content-type': 'text/plain; charset=utf-8' } });
    },
    'GET /api/v1/instances/{id}/events': async (call) => {
      const { cursor } = await requireInstance(call, call.params.id);
      const { limit, after } = call.query;
      const found = await readStream(call.sql, { kind: 'instance', id: call.params.id, after: after === undefined ? 0 : wholeNumber(after), limit: limit + 1 });
      const envelopes = found.map((event) => new Broadcast(event).envelope());
      return { body: pageOf(envelopes, { limit, after: (event) => String(event.sequence), cursor }) };
    },
    'DELETE /api/v1/instances/{id}': async (call) => {
      await requireInstance(call, call.params.id);
      await engine.deleteInstance({ orgId: call.caller.orgId, id: call.params.id, requestId: call.requestId });
      return { body: undefined };
    },
  });
}

function attemptOf(text: string | undefined): { readonly generation: number; readonly attempt: number } | undefined {
  const match = text === undefined ? undefined : /^(\d{1,9})\.(\d{1,9})$/.exec(text);
  if (match === null) fail('invalid_query', `after is "${text}", which no page before gave; leave it out to start from the beginning`);
  return match === undefined ? undefined : { generation: Number(match[1]), attempt: Number(match[2]) };
}

function wholeNumber(text: string): number {
  const number = Number(text);
  return Number.isSafeInteger(number) && number >= 0 && number <= 2_147_483_647
    ? number
    : fail('invalid_query', `after is "${text}", which no page before gave; leave it out to start from the beginning`);
}
