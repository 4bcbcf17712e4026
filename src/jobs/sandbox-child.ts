/** The sandbox child: runs one piece of foreign JavaScript at a time in QuickJS (WebAssembly), a new runtime each, so that nothing
 *  stays from one run to the next. Holds no secret and an empty environment. Talks JSON over its IPC channel. */
import {
  getQuickJS,
  shouldInterruptAfterDeadline,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
  type QuickJSWASMModule,
} from 'quickjs-emscripten';

export interface SandboxRequest {
  readonly id: number;
  readonly source: string;
  /** Name → JSON text. */
  readonly globals: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly memoryBytes: number;
}

export type SandboxReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'log'; readonly id: number; readonly line: string }
  | { readonly kind: 'value'; readonly id: number; readonly value: string }
  | { readonly kind: 'error'; readonly id: number; readonly code: 'code_failed' | 'code_timeout' | 'code_memory' | 'code_syntax'; readonly message: string };

/** Deep recursion ends with an exception in QuickJS long before it could hurt WebAssembly's own stack. */
const STACK_BYTES = 512 * 1024;
const MAX_LOG_LINE = 8_192;
const MAX_LOG_LINES = 10_000;

type Send = (reply: SandboxReply) => void;

function runOne(quickjs: QuickJSWASMModule, request: SandboxRequest, send: Send): SandboxReply {
  const runtime = quickjs.newRuntime();
  const deadline = Date.now() + request.timeoutMs;
  runtime.setMemoryLimit(request.memoryBytes);
  runtime.setMaxStackSize(STACK_BYTES);
  runtime.setInterruptHandler(shouldInterruptAfterDeadline(deadline));
  const context = runtime.newContext();
  try {
    defineConsole(context, request.id, send);
    defineGlobals(context, request.globals);
    const handle = evaluate(context, request.source);
    return { kind: 'value', id: request.id, value: handle };
  } catch (error) {
    return failure(request, error, Date.now() >= deadline);
  } finally {
    takeApart(context, runtime);
  }
}

/** After an exhausted heap QuickJS can't always be taken apart. The parent ends this process then; the answer matters more. */
function takeApart(context: QuickJSContext, runtime: QuickJSRuntime): void {
  try {
    context.dispose();
    runtime.dispose();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

/** What the code threw, as dumped out of QuickJS. */
class Thrown extends Error {
  readonly details: { readonly name?: string; readonly message?: string; readonly stack?: string };
  constructor(value: unknown) {
    super('the code threw');
    this.details = typeof value === 'object' && value !== null ? value : { message: String(value) };
  }
}

function defineConsole(context: QuickJSContext, id: number, send: Send): void {
  let lines = 0;
  const log = context.newFunction('log', (...parts) => {
    if (lines++ > MAX_LOG_LINES) return;
    const line = lines > MAX_LOG_LINES ? `… more than ${MAX_LOG_LINES} lines; the rest is left out` : parts.map((part) => textOf(context.dump(part))).join(' ');
    send({ kind: 'log', id, line: line.slice(0, MAX_LOG_LINE) });
  });
  const console = context.newObject();
  for (const name of ['log', 'info', 'warn', 'error', 'debug']) context.setProp(console, name, log);
  context.setProp(context.global, 'console', console);
  console.dispose();
  log.dispose();
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}

function defineGlobals(context: QuickJSContext, globals: Readonly<Record<string, string>>): void {
  const parse = context.unwrapResult(context.evalCode('JSON.parse'));
  for (const [name, json] of Object.entries(globals)) {
    const text = context.newString(json);
    const value = unwrap(context, context.callFunction(parse, context.undefined, text));
    context.setProp(context.global, name, value);
    text.dispose();
    value.dispose();
  }
  parse.dispose();
}

/** The source is the body of an async function; its result travels as JSON text made inside. */
function evaluate(context: QuickJSContext, source: string): string {
  const promise = unwrap(
    context,
    context.evalCode(`(async () => {\n${source}\n})().then((value) => JSON.stringify(value === undefined ? null : value))`, 'code.js'),
  );
  try {
    const jobs = context.runtime.executePendingJobs();
    if (jobs.error !== undefined) throw new Thrown(dumpAndDispose(context, jobs.error));
    const state = context.getPromiseState(promise);
    if (state.type === 'pending')
      throw new Thrown({ name: 'Error', message: 'the code waits for something that never comes: there are no timers and no network here' });
    if (state.type === 'rejected') throw new Thrown(dumpAndDispose(context, state.error));
    const value: unknown = dumpAndDispose(context, state.value);
    if (typeof value !== 'string')
      throw new Thrown({ name: 'TypeError', message: 'the returned value is not JSON: return an object, array, text, number, boolean or null' });
    return value;
  } finally {
    promise.dispose();
  }
}

function dumpAndDispose(context: QuickJSContext, handle: QuickJSHandle): unknown {
  const value: unknown = context.dump(handle);
  handle.dispose();
  return value;
}

function unwrap(context: QuickJSContext, result: ReturnType<QuickJSContext['evalCode']>): QuickJSHandle {
  if (result.error !== undefined) throw new Thrown(dumpAndDispose(context, result.error));
  return result.value;
}

function failure(request: SandboxRequest, error: unknown, isLate: boolean): SandboxReply {
  const thrown = error instanceof Thrown ? error.details : { name: 'Error', message: error instanceof Error ? error.message : String(error) };
  const told = thrown.message ?? 'the code failed';
  if (isLate && thrown.name === 'InternalError')
    return { kind: 'error', id: request.id, code: 'code_timeout', message: `the code ran longer than ${request.timeoutMs} ms` };
  if (/out of memory|Array buffer allocation failed/i.test(told))
    return { kind: 'error', id: request.id, code: 'code_memory', message: `the code used more than ${request.memoryBytes / 1_048_576} MiB of memory` };
  // Line 1 of the stack is the wrapper's: people count from their own first line.
  const line = /code\.js:(\d+)/.exec(thrown.stack ?? '')?.[1];
  const at = line === undefined ? '' : ` (line ${Math.max(1, Number(line) - 1)})`;
  return {
    kind: 'error',
    id: request.id,
    code: thrown.name === 'SyntaxError' ? 'code_syntax' : 'code_failed',
    message: `${thrown.name ?? 'Error'}: ${told}${at}`.slice(0, 4_000),
  };
}

if (process.send !== undefined && process.argv.includes('--studio-sandbox')) {
  const send: Send = process.send.bind(process);
  const quickjs = await getQuickJS();
  process.on('message', (request: SandboxRequest) => send(runOne(quickjs, request, send)));
  process.on('disconnect', () => process.exit(0));
  send({ kind: 'ready' });
}
