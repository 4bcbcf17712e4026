/** Models elsewhere as they are asked for by name: one the provider names in its settings, or any of the provider's (`model: "*"`), then asked for as
 *  `name/the-provider's-name`. Pure but for the provider's own list. */
import type { RemoteSettings } from '../contract/model-settings.ts';
import type { ModelRuntime } from '../contract/models.ts';
import { AppError } from '../kernel/fail.ts';
import type { ModelRecord } from '../store/models.ts';
import type { ModelEngine } from './engine.ts';
import type { RemoteEngines, RemoteModel } from './remote.ts';

/** A provider's models are all meant. */
export function isOpen(model: ModelRecord): boolean {
  return model.engine === 'remote' && model.settings['model'] === '*';
}

/** The provider's name in `name`, where the model leaves it open; undefined: another is meant. */
export function upstreamName(model: ModelRecord, name: string): string | undefined {
  return isOpen(model) && name.startsWith(`${model.name}/`) && name.length > model.name.length + 1 ? name.slice(model.name.length + 1) : undefined;
}

/** @throws AppError conflict when nobody's secrets may be used, invalid_body when the provider's model is left open */
export function remoteEngine(remote: RemoteEngines, model: ModelRecord, upstream: string | undefined): ModelEngine {
  if (isOpen(model) && upstream === undefined)
    throw new AppError('invalid_body', {
      message: `${model.name} stands for all models of its provider: ask for ${model.name}/NAME`,
      details: { path: 'model' },
    });
  return remote.engineOf(remoteModel(model), upstream);
}

/** The names that a model is asked for by. */
export async function remoteNames(remote: RemoteEngines, model: ModelRecord): Promise<readonly string[]> {
  if (!isOpen(model)) return [model.name];
  return (await remote.modelsOf(remoteModel(model))).map((name) => `${model.name}/${name}`);
}

/** Loaded while one of its servers answers. */
export function remoteRuntime(remote: RemoteEngines, model: ModelRecord): ModelRuntime {
  const backends = remote.backendsOf(remoteModel(model));
  const isUp = backends.some((backend) => backend.isUp);
  const fault = backends.find((backend) => backend.lastFault !== undefined)?.lastFault;
  return {
    state: isUp ? 'loaded' : 'failed',
    devices: [],
    inUse: backends.reduce((sum, { inFlight }) => sum + inFlight, 0),
    waiting: 0,
    backends: backends.map(({ lastFault, ...backend }) => ({ ...backend, ...(lastFault === undefined ? {} : { lastFault }) })),
    ...(isUp || fault === undefined ? {} : { error: fault }),
  };
}

function remoteModel(model: ModelRecord): RemoteModel {
  const orgId = model.orgId ?? model.homeOrgId;
  if (orgId === null) throw new AppError('conflict', { message: `${model.name}: the organisation whose secrets it used is gone; register it again` });
  return { orgId, settings: model.settings as unknown as RemoteSettings };
}
