/** A llama child as Studio sees it: started, loaded, asked many things at once, ended. A crash in it fails what was asked of it, with the reason, and nothing else.
 *  Never starts it again: the life cycle does, when somebody asks. */
import { fileURLToPath } from 'node:url';
import type { Clock } from '../kernel/clock.ts';
import { startChild, type Child } from '../kernel/child.ts';
import { AppError } from '../kernel/fail.ts';
import type { Embedded, ModelEngine, Piece, Usage } from './engine.ts';
import { createFrames, type Frames } from './frames.ts';
import type { FromLlama, LlamaFacts, LlamaLoad, ToLlama } from './llama-protocol.ts';
import { argvAs, requireOpen, type LlamaUsers } from './llama-user.ts';
import { EngineEnded, explainExit, type RunningModel, type StartOptions } from './running.ts';

export interface LlamaParts {
  readonly clock: Clock;
  /** For messages. */
  readonly name: string;
  readonly load: LlamaLoad;
  /** A folder with node_modules in which builds for graphics cards lie. */
  readonly packFolder: string | undefined;
  /** Undefined: it runs as Studio does, who is no root. */
  readonly users?: LlamaUsers | undefined;
  /** What it has to read, beside the program itself. */
  readonly reads?: readonly string[] | undefined;
}

/** Unloading is what the kernel does when the process ends; a second is for its last words. */
const STOP_GRACE_MS = 1_000;
/** The child holds no more of Node than the vocabulary and a few prompts; weights lie outside of its heap. */
const HEAP_MB = 1_024;
const PROGRAM = fileURLToPath(new URL(`./llama-child.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url));
const ENV_KEPT = ['LD_LIBRARY_PATH', 'CUDA_HOME', 'CUDA_PATH', 'VK_ICD_FILENAMES', 'NVIDIA_VISIBLE_DEVICES', 'NVIDIA_DRIVER_CAPABILITIES'];

/** Starts the child and loads the file. @throws Error with the engine's reason; the signal's reason */
export async function startLlama(parts: LlamaParts, options: StartOptions): Promise<RunningModel> {
  options.signal.throwIfAborted();
  const child = await startAs(parts, options);
  const conversation = createConversation(child, parts.name);
  try {
    await options.onProcess(child.identity);
    const facts = await conversation.load(parts.load, options);
    return {
      engine: conversation.engine,
      pid: child.pid,
      exited: child.exited,
      hasEnded: child.hasExited,
      lines: child.lines,
      facts: { ...facts },
      stop: async () => void (await child.stop({ graceMs: STOP_GRACE_MS })),
    };
  } catch (error) {
    await child.stop({ graceMs: STOP_GRACE_MS });
    throw error;
  }
}

async function startAs(parts: LlamaParts, options: StartOptions): Promise<Child> {
  const { users, load, clock } = parts;
  const argv = [process.execPath, ...programOf(parts)];
  const uid = await users?.take();
  try {
    if (uid !== undefined) for (const path of [argv[0] ?? '', PROGRAM, ...(parts.reads ?? [load.path])]) await requireOpen(path);
    const [command = '', ...args] = uid === undefined ? argv : await argvAs(uid, argv, load.gpu !== false);
    const child = await startChild({ command, args, env: environmentOf(options), cwd: '/', keepLines: 20, hasChannel: true }, clock);
    if (uid !== undefined) void child.exited.then(() => users?.release(uid));
    return child;
  } catch (error) {
    if (uid !== undefined) users?.release(uid);
    throw error;
  }
}

function programOf({ packFolder }: LlamaParts): readonly string[] {
  return [
    `--max-old-space-size=${HEAP_MB}`,
    '--disallow-code-generation-from-strings',
    PROGRAM,
    '--studio-llama',
    ...(packFolder === undefined ? [] : [packFolder]),
  ];
}

function environmentOf({ devices, environment }: StartOptions): Record<string, string> {
  const uuids = devices.map(({ uuid }) => uuid).join(',');
  // Empty: it sees no device, however many there are.
  const seen = {
    CUDA_VISIBLE_DEVICES: uuids,
    ...(devices.length === 0 ? { GGML_VK_VISIBLE_DEVICES: '' } : { GGML_VK_VISIBLE_DEVICES: devices.map(({ index }) => index).join(',') }),
  };
  const kept = Object.fromEntries(ENV_KEPT.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? '']])));
  // Its user has no home, and the library asks where it is.
  return { ...kept, ...environment, ...seen, HOME: '/nonexistent', NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true' };
}

interface Asked {
  onPiece(piece: Piece): void;
  onVector(values: string): void;
  onEnd(usage: Usage): void;
  onFault(error: unknown): void;
}

interface Conversation {
  readonly engine: ModelEngine;
  load(load: LlamaLoad, options: StartOptions): Promise<LlamaFacts>;
}

function createConversation(child: Child, name: string): Conversation {
  const asked = new Map<number, Asked>();
  let nextId = 1;
  let loading: { resolve(facts: LlamaFacts): void; reject(error: unknown): void; onProgress(value: number): void } | undefined;
  let ended: Error | undefined;

  const end = (error: Error): void => {
    ended ??= error;
    loading?.reject(ended);
    loading = undefined;
    for (const one of asked.values()) one.onFault(ended);
    asked.clear();
  };
  void child.exited.then((status) => end(new EngineEnded(explainExit(name, status, child.lines()))));
  const channel = channelOf(child, {
    onMessage(message) {
      if (message.kind === 'progress') return loading?.onProgress(message.value);
      if (message.kind === 'loaded') return loading?.resolve(message.facts);
      if (message.kind === 'unloadable') return loading?.reject(new Error(message.message));
      const one = asked.get(message.id);
      if (one === undefined) return;
      if (message.kind === 'piece') return one.onPiece(message.piece);
      if (message.kind === 'vector') return one.onVector(message.values);
      asked.delete(message.id);
      if (message.kind === 'end') return one.onEnd(message.usage);
      one.onFault(message.code === undefined ? new Error(`${name}: ${message.message}`) : new AppError(message.code, { message: message.message }));
    },
    // It is ending, or does not speak sense any more: then it has to end. Its exit tells the rest.
    onEnd: (fault) => {
      if (fault !== undefined) child.signal('SIGKILL');
    },
  });

  /** @returns what takes the question back */
  function ask(question: (id: number) => ToLlama, one: Asked): () => void {
    if (ended !== undefined) throw ended;
    const id = nextId++;
    asked.set(id, one);
    channel.send(question(id));
    return () => {
      if (asked.delete(id)) channel.send({ kind: 'cancel', id });
    };
  }

  return {
    engine: {
      chat: (call, signal) => streamOf((one) => ask((id) => ({ kind: 'chat', id, call }), one), signal),
      complete: (call, signal) => streamOf((one) => ask((id) => ({ kind: 'complete', id, call }), one), signal),
      embed: (texts, signal, options) => vectorsOf((one) => ask((id) => ({ kind: 'embed', id, texts, dimensions: options?.dimensions }), one), signal),
    },
    load: (load, options) => {
      if (ended !== undefined) return Promise.reject(ended);
      if (options.signal.aborted) return Promise.reject(options.signal.reason);
      const { promise, resolve, reject } = Promise.withResolvers<LlamaFacts>();
      loading = { resolve, reject, onProgress: options.onProgress };
      const onAbort = (): void => reject(options.signal.reason);
      options.signal.addEventListener('abort', onAbort, { once: true });
      channel.send({ kind: 'load', load });
      return promise.finally(() => {
        loading = undefined;
        options.signal.removeEventListener('abort', onAbort);
      });
    },
  };
}

function channelOf(child: Child, handlers: Parameters<typeof createFrames<FromLlama, ToLlama>>[1]): Frames<ToLlama> {
  if (child.channel === undefined) throw new Error('a llama child was started without its channel');
  return createFrames<FromLlama, ToLlama>(child.channel, handlers);
}

type Ask = (one: Asked) => () => void;

/** The answer piece by piece; leaving the loop or the signal takes the question back. */
async function* streamOf(ask: Ask, signal: AbortSignal): AsyncGenerator<Piece> {
  signal.throwIfAborted();
  const pieces: Piece[] = [];
  let outcome: { readonly usage: Usage } | { readonly error: unknown } | undefined;
  let wake = (): void => undefined;
  const settle = (value: typeof outcome): void => {
    outcome ??= value;
    wake();
  };
  const takeBack = ask({
    onPiece(piece) {
      pieces.push(piece);
      wake();
    },
    onVector: () => undefined,
    onEnd: (usage) => settle({ usage }),
    onFault: (error) => settle({ error }),
  });
  const onAbort = (): void => settle({ error: signal.reason });
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      const piece = pieces.shift();
      // The last piece carries the usage: it waits for it.
      if (piece !== undefined && piece.finish === undefined) yield piece;
      else if (outcome !== undefined) {
        if ('error' in outcome) throw outcome.error;
        yield { ...piece, usage: outcome.usage };
        return;
      } else {
        if (piece !== undefined) pieces.unshift(piece);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    takeBack();
  }
}

function vectorsOf(ask: Ask, signal: AbortSignal): Promise<Embedded> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const vectors: (readonly number[])[] = [];
    const onAbort = (): void => {
      takeBack();
      reject(signal.reason);
    };
    const done = (): void => signal.removeEventListener('abort', onAbort);
    const takeBack = ask({
      onPiece: () => undefined,
      onVector: (values) => void vectors.push(floatsOf(values)),
      onEnd(usage) {
        done();
        resolve({ vectors, usage });
      },
      onFault(error) {
        done();
        reject(error);
      },
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function floatsOf(base64: string): readonly number[] {
  const bytes = Buffer.from(base64, 'base64');
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}
