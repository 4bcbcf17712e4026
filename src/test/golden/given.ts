/** What attempts of inline nodes gave, noted while a history is recorded and given back while it is replayed. The product's node types, wrapped. */
import type { Json } from '../../contract/endpoint.ts';
import { NodeError, type NodeContext, type NodeResult, type NodeType, type NodeTypes } from '../../nodes/kit.ts';
import { nodeTypes } from '../../nodes/index.ts';
import type { FakeClock } from '../fake-clock.ts';

/** What an attempt of an inline node gave, and how long it took. */
export interface Given {
  readonly key: string;
  readonly ms: number;
  readonly result?: NodeResult;
  readonly error?: { readonly code: string; readonly message: string; readonly final: boolean; readonly details?: Json };
}

/** Large results by what stands for their hash: they outlive an engine. */
export const kept = new Map<string, string>();

export function keep(text: string): string {
  const name = `${text.length}`.padStart(64, '0');
  kept.set(name, text);
  return name;
}

function keyOf(context: NodeContext): string {
  return `${context.instanceId} ${context.path} ${context.generation} ${context.attempt} ${JSON.stringify(context.state ?? null)}`;
}

type Run = (params: never, context: NodeContext) => NodeResult | Promise<NodeResult>;

function wrapped(runOf: (type: NodeType, run: Run) => Run): NodeTypes {
  return new Map([...nodeTypes].map(([name, type]) => [name, type.runs === 'inline' ? { ...type, run: runOf(type, type.run as Run) } : type] as const));
}

/** Notes what each attempt gives. */
export function recordingTypes(clock: FakeClock, given: Given[]): NodeTypes {
  return wrapped((_type, run) => (params, context) => {
    const startedAt = clock.now();
    const note = (what: Pick<Given, 'result' | 'error'>): void => void given.push({ key: keyOf(context), ms: clock.now() - startedAt, ...what });
    const refuse = (error: unknown): never => {
      const known = error instanceof NodeError ? error : new NodeError('node_crashed', String(error));
      note({ error: { code: known.code, message: known.message, final: known.final, ...(known.details === undefined ? {} : { details: known.details }) } });
      throw error;
    };
    try {
      const result = run(params, context);
      if (result instanceof Promise) return result.then((value) => (note({ result: value }), value), refuse);
      note({ result });
      return result;
    } catch (error) {
      return refuse(error);
    }
  });
}

/** Gives what was noted; what was not is a fault. */
export function replayedTypes(clock: FakeClock, recorded: readonly Given[], faults: string[]): NodeTypes {
  const byKey = new Map(recorded.map((one) => [one.key, one]));
  for (const { result } of recorded) if (result?.kind === 'output') keep(JSON.stringify(result.output));
  const giveBack = (found: Given): NodeResult => {
    const { error, result } = found;
    if (error !== undefined)
      throw new NodeError(error.code, error.message, { final: error.final, ...(error.details === undefined ? {} : { details: error.details }) });
    if (result === undefined) throw new Error(`${found.key} gave nothing`);
    return result;
  };
  return wrapped(() => (_params, context) => {
    const found = byKey.get(keyOf(context));
    if (found === undefined) {
      faults.push(`${keyOf(context)} runs, which it did not when it was recorded`);
      throw new NodeError('not_recorded', 'not recorded', { final: true });
    }
    return found.ms === 0 ? giveBack(found) : clock.sleep(found.ms, context.signal).then(() => giveBack(found));
  });
}
