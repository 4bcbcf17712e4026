/** What an engine of this machine tells the life cycle: what a model needs, and how it starts. Types alone. */
import type { TenantRequest } from '../gpu/tenants.ts';
import type { ModelRecord } from '../store/models.ts';
import type { RunningModel, StartOptions } from './running.ts';

/** What the machine could give at most. */
export interface Rooms {
  /** Of each device that can be used, most first: what tenants may have of it. Empty: models run in main memory. */
  readonly deviceBytes: readonly number[];
}

export type Need = Pick<TenantRequest, 'gpus' | 'vramBytes' | 'cpu' | 'memoryBytes'>;

/** One way to run a model. */
export interface LoadOption {
  readonly need: Need;
  /** @throws Error with the engine's reason; nothing is left running then */
  start(options: StartOptions): Promise<RunningModel>;
}

export interface Driver {
  /** Best first; never empty. @throws AppError when the model can't be started as it is */
  options(model: ModelRecord, rooms: Rooms): readonly LoadOption[];
}
