/** Models told to load, to unload, to stay. Never renders a model: what it does right now is the answer. */
import { modelLifeEndpoints } from '../../contract/model-life.ts';
import { fail, messageOf } from '../../kernel/fail.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import type { ModelLife } from '../../models/lifecycle.ts';
import { readModel, type ModelRecord } from '../../store/models.ts';
import { routesOf, type Call, type Route } from '../route.ts';

/** A call that names its model. */
type Named = Pick<Call, 'sql'> & { readonly params: { readonly id: string } };

/** What is refused at once is told, although nobody wants to wait. */
const REFUSAL_MS = 250;
/** A person stands before this load. */
const PRIORITY = 75;

export function modelLifeRoutes({ life, clock, log }: { readonly life: ModelLife; readonly clock: Clock; readonly log: Logger }): readonly Route[] {
  /** Read under the caller's org: another's is not there. */
  const modelOf = async (call: Named): Promise<ModelRecord> =>
    (await readModel(call.sql, call.params.id)) ?? fail('not_found', `There is no model ${call.params.id}.`);

  /** Goes on when the caller does not wait; how it ends then stands in the model's events. */
  function load(model: ModelRecord): Promise<void> {
    const loading = life.load(model, { priority: PRIORITY, signal: new AbortController().signal });
    loading.catch((error: unknown) => log.debug({ modelId: model.id, cause: messageOf(error) }, 'a load that was asked for failed'));
    return loading;
  }

  async function pin(call: Named & Pick<Call, 'requestId'>, isPinned: boolean): Promise<ModelRecord> {
    const model = await modelOf(call);
    if (isPinned && model.engine === 'remote') fail('conflict', `${model.name} runs elsewhere: there is nothing to keep in memory.`);
    return (await life.pin(model.id, isPinned, call.requestId)) ?? fail('not_found', `There is no model ${model.id}.`);
  }

  return routesOf(modelLifeEndpoints, {
    'POST /api/v1/models/{id}/load': async (call) => {
      const model = await modelOf(call);
      if (model.engine === 'remote') fail('conflict', `${model.name} runs elsewhere: there is nothing to load.`);
      await Promise.race([load(model), clock.sleep(Math.max(REFUSAL_MS, call.query.wait * 1_000), call.signal)]);
      return { body: life.runtime(model, call.caller.orgId) };
    },
    'POST /api/v1/models/{id}/unload': async (call) => {
      const model = await modelOf(call);
      await life.unload(model.id, { reason: 'a person unloaded it', drainMs: call.query.drain * 1_000 });
      return { body: life.runtime(model, call.caller.orgId) };
    },
    'POST /api/v1/models/{id}/pin': async (call) => {
      const model = await pin(call, true);
      if (model.status === 'ready') load(model).catch(() => undefined);
      return { body: life.runtime(model, call.caller.orgId) };
    },
    'POST /api/v1/models/{id}/unpin': async (call) => ({ body: life.runtime(await pin(call, false), call.caller.orgId) }),
  });
}
