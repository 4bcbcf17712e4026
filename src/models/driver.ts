/** What an engine of this machine tells the life cycle: what a model needs, and how it starts. Types alone. */
import type { Need } from '../gpu/tenants.ts';
import type { ModelRecord } from '../store/models.ts';
import type { RunningModel, StartOptions } from './running.ts';

/** What the machine could give at most. */
export interface Rooms {
  /** Of each device that can be used, most first: what tenants may have of it. Empty: models run in main memory. */
  readonly deviceBytes: readonly number[];
}

/** How much of a model lies on a device, and how much it can be told. */
export interface LoadSize {
  /** Tokens of each sequence; as wanted. */
  readonly context: number;
  readonly wantedContext: number;
  readonly parallel: number;
  /** On devices, of `layers` (the repeating ones, and one for the output). */
  readonly gpuLayers: number;
  readonly layers: number;
  /** Layers that were wanted there. */
  readonly wantedGpuLayers: number;
  /** Of a device, with all that is wanted; 0: it wants none. */
  readonly wantedBytes: number;
}

/** One way to run a model. */
export interface LoadOption {
  readonly need: Need;
  /** Undefined: its engine fits it by itself. */
  readonly size?: LoadSize | undefined;
  /** @throws Error with the engine's reason; nothing is left running then */
  start(options: StartOptions): Promise<RunningModel>;
}

export interface Driver {
  /** Best first; never empty. @throws AppError when the model can't be started as it is */
  options(model: ModelRecord, rooms: Rooms): readonly LoadOption[];
  /** Whether the model takes a later option at once rather than wait for an earlier. */
  takesLess(model: ModelRecord): boolean;
}
