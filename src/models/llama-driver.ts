/** How models of the engine `llama` are started: their file, the ways to load it, the child. Never waits for memory: the life cycle does. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { llamaSettings } from '../contract/model-settings.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/fail.ts';
import type { ModelRecord } from '../store/models.ts';
import type { Driver, LoadOption, LoadSize } from './driver.ts';
import { layerCount, type LoadPlan } from './estimate.ts';
import type { ModelShape } from './gguf-shape.ts';
import { findLlamaPack, type LlamaPack } from './llama-packs.ts';
import { startLlama } from './llama-process.ts';
import type { LlamaUsers } from './llama-user.ts';
import { chooseLoads, needOf, planOf, type LlamaChoice } from './load-plan.ts';

export interface LlamaDriverParts {
  readonly clock: Clock;
  readonly workspacePath: string;
  /** Where the models' files lie. */
  readonly modelsPath: string;
  /** The build for graphics cards; default: what is installed. */
  readonly pack?: LlamaPack | undefined;
  /** Where Studio is root: a user of its own for each child. */
  readonly users?: LlamaUsers | undefined;
}

export function createLlamaDriver(parts: LlamaDriverParts): Driver {
  return {
    options(model, rooms) {
      const path = fileOf(model, parts.modelsPath);
      const pack = parts.pack ?? findLlamaPack(parts.workspacePath);
      const choices = chooseLoads(model, pack === undefined ? { deviceBytes: [] } : rooms);
      return choices.map((choice) => optionOf(parts, model, { choice, path, pack }));
    },
    takesLess: (model) => llamaSettings.parse(model.settings).fit !== 'full',
  };
}

/** llama.cpp finds the other parts of a split file by the name of the first. @throws AppError conflict when it is not there */
function fileOf(model: ModelRecord, modelsPath: string): string {
  const files = model.files.filter(({ name }) => /\.gguf$/i.test(name));
  const main = files.find(({ name }) => /-0*1-of-\d+\.gguf$/i.test(name)) ?? files.find(({ name }) => !/^mmproj/i.test(name)) ?? files[0];
  if (main === undefined) throw new AppError('conflict', { message: `${model.name} has no GGUF file: it can't be loaded by the engine llama` });
  const path = join(modelsPath, main.place);
  if (!existsSync(path))
    throw new AppError('conflict', { message: `${model.name}: its file ${main.name} is not in the models folder any more; download it again` });
  return path;
}

interface Chosen {
  readonly choice: LlamaChoice;
  readonly path: string;
  readonly pack: LlamaPack | undefined;
}

function optionOf({ clock, users, modelsPath }: LlamaDriverParts, model: ModelRecord, { choice: { need, plan }, path, pack }: Chosen): LoadOption {
  const settings = llamaSettings.parse(model.settings);
  const isOnDevice = plan.gpuLayers > 0;
  const gpu = isOnDevice && pack !== undefined ? pack.gpu : false;
  return {
    need,
    size: sizeOf(model, plan),
    start: (options) =>
      startLlama(
        {
          clock,
          name: model.name,
          users,
          reads: model.files.filter(({ name }) => /\.gguf$/i.test(name)).map(({ place }) => join(modelsPath, place)),
          packFolder: isOnDevice ? pack?.folder : undefined,
          load: {
            path,
            gpu,
            contextLength: plan.context,
            parallel: plan.parallel,
            gpuLayers: plan.gpuLayers,
            threads: settings.threads ?? threads(),
            cacheType: plan.cacheType,
            flashAttention: settings.flashAttention,
            batchSize: settings.batchSize,
            chatTemplate: settings.chatTemplate,
          },
        },
        options,
      ),
  };
}

/** Undefined: its header does not say what it is made of. */
function sizeOf(model: ModelRecord, plan: LoadPlan): LoadSize | undefined {
  const shape = model.shape as unknown as ModelShape | null;
  if (shape === null) return undefined;
  const wanted = planOf(shape, llamaSettings.parse(model.settings));
  return {
    context: plan.context,
    wantedContext: wanted.context,
    parallel: plan.parallel,
    gpuLayers: plan.gpuLayers,
    layers: layerCount(shape),
    wantedGpuLayers: wanted.gpuLayers,
    wantedBytes: needOf(shape, wanted).vramBytes,
  };
}

/** llama.cpp's threads wait for each other by spinning: one that has to share its core slows all of them a hundredfold. More than 16 rarely help. */
function threads(): number {
  return Math.max(1, Math.min(16, availableParallelism() - 1));
}
