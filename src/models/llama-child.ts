/** The program that runs one GGUF model: loads it, answers many requests at once, and ends with Studio. It knows nothing of ledger, database or network:
 *  a file, a channel (descriptor 3), its graphics cards. Started by llama-process.ts; a crash in here is nobody else's. */
import { registerHooks } from 'node:module';
import { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { createFrames } from './frames.ts';
import type { LoadedLlama } from './llama-model.ts';
import type { FromLlama, ToLlama } from './llama-protocol.ts';
import { Refused } from './llama-refusal.ts';

/** Argument after the mark: a folder with node_modules in which the builds for graphics cards lie; none: only what came with Studio. */
const packFolder = process.argv[process.argv.indexOf('--studio-llama') + 1];

if (packFolder !== undefined) {
  const parentURL = pathToFileURL(`${packFolder}/package.json`).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, /^@node-llama-cpp\/.*-(cuda|cuda-ext|vulkan)$/.test(specifier) ? { ...context, parentURL } : context),
  });
}

const running = new Map<number, AbortController>();
let loaded: LoadedLlama | undefined;

const channel = createFrames<ToLlama, FromLlama>(new Socket({ fd: 3, readable: true, writable: true }), {
  onMessage: (message) => void take(message),
  // Studio is gone, or closed the channel: so does everything here, also in the middle of a token.
  onEnd: () => process.exit(0),
});

async function take(message: ToLlama): Promise<void> {
  if (message.kind === 'cancel') return running.get(message.id)?.abort();
  if (message.kind === 'load') return load(message);
  const abort = new AbortController();
  running.set(message.id, abort);
  try {
    channel.send({ kind: 'end', id: message.id, usage: await answer(message, abort.signal) });
  } catch (error) {
    const code = error instanceof Refused ? error.code : undefined;
    channel.send({ kind: 'failed', id: message.id, code, message: error instanceof Error ? error.message : String(error) });
  } finally {
    running.delete(message.id);
  }
}

function answer(message: Exclude<ToLlama, { kind: 'load' | 'cancel' }>, signal: AbortSignal): ReturnType<LoadedLlama['chat']> {
  const { id } = message;
  if (loaded === undefined) throw new Error('no model is loaded');
  if (message.kind === 'embed') {
    const say = (vector: readonly number[]): void =>
      channel.send({ kind: 'vector', id, values: Buffer.from(Float32Array.from(vector).buffer).toString('base64') });
    return loaded.embed(message.texts, { signal, dimensions: message.dimensions, say });
  }
  const say = (piece: Extract<FromLlama, { kind: 'piece' }>['piece']): void => channel.send({ kind: 'piece', id, piece });
  return message.kind === 'chat' ? loaded.chat(message.call, { signal, say }) : loaded.complete(message.call, { signal, say });
}

async function load({ load: wanted }: Extract<ToLlama, { kind: 'load' }>): Promise<void> {
  // After the hook above: the library looks for its builds when it is imported first.
  const { loadLlama, explainLoad } = await import('./llama-model.ts');
  try {
    loaded = await loadLlama(wanted, (value) => channel.send({ kind: 'progress', value }));
    channel.send({ kind: 'loaded', facts: loaded.facts });
  } catch (error) {
    channel.send({ kind: 'unloadable', message: explainLoad(error, wanted.gpu) });
  }
}
