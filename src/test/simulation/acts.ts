/** What simulated steps do: acts written into the params of their node, so that a repeat after a crash gives the same and the reference
 *  simulator can read them. `sim.work` runs inline, `sim.job` as a job whose end the world gives. */
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import type { GraphNode } from '../../contract/graph.ts';
import { defineJobNode, defineNode, inPort, NodeError, type NodeContext, type NodeResult, type NodeType } from '../../nodes/kit.ts';

/** What one attempt does. `ms`: how long it takes; 0: at once, in the same turn. */
export type Act =
  | { readonly do: 'give'; readonly ms: number; readonly flag: boolean; readonly port?: string }
  | { readonly do: 'fail'; readonly ms: number; readonly code: string; readonly isFinal?: boolean }
  /** Throws what is no NodeError. */
  | { readonly do: 'break' }
  /** Runs until its timeout. */
  | { readonly do: 'hang' }
  | { readonly do: 'timer'; readonly ms: number }
  /** Looks so many times, then gives. */
  | { readonly do: 'poll'; readonly ms: number; readonly looks: number }
  /** Waits for a callback: the world sends one, or lets its time run out. */
  | { readonly do: 'call back'; readonly answer: 'callback' | 'timeout'; readonly ms: number };

/** By item or round (modulo), by whether it is the first round of its frame, by attempt: the last of each list goes on. */
export type Script = readonly (readonly (readonly Act[])[])[];

/** The act of an attempt. @param row 0 in the first run of a frame or node, 1 in later ones */
export function actOf(script: Script, of: { readonly at: number; readonly row: number; readonly attempt: number }): Act {
  const rows = script[of.at % script.length] ?? [];
  const attempts = rows[Math.min(of.row, rows.length - 1)] ?? [];
  return attempts[Math.min(of.attempt, attempts.length) - 1] ?? { do: 'give', ms: 0, flag: true };
}

export interface WorkParams {
  readonly script: Script;
  /** What it reads of steps before it, already evaluated when it runs. */
  readonly reads: Readonly<Record<string, Json>>;
  readonly at?: number | null | undefined;
  readonly ports?: readonly string[] | undefined;
}

/** What a step gives: a digest of who it is and of all that it read, so that a wrong value anywhere is seen everywhere after. */
export function givenBy(key: string, params: Pick<WorkParams, 'reads' | 'at'>, act: { readonly flag?: boolean; readonly port?: string }): Json {
  const text = `${key} ${params.at ?? ''} ${JSON.stringify(Object.entries(params.reads).toSorted(([a], [b]) => (a < b ? -1 : 1)))}`;
  return { v: digest(text), flag: act.flag ?? true, ...(act.port === undefined ? {} : { port: act.port }) };
}

/** FNV-1a, as hexadecimal digits. */
function digest(text: string): string {
  let hash = 0x81_1c_9d_c5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01_00_01_93) >>> 0;
  return hash.toString(16).padStart(8, '0');
}

const params = z.strictObject({
  script: z.array(z.array(z.array(z.json()))),
  reads: z.record(z.string(), z.json()),
  at: z.int().nullish(),
  ports: z.array(z.string()).optional(),
});

/** Told of each attempt, with how to wait. */
export interface Stage {
  began(context: NodeContext): void;
  ended(context: NodeContext): void;
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

function portsOf(of: Readonly<Record<string, Json>>): readonly string[] {
  const { ports } = of;
  return Array.isArray(ports) ? (ports as string[]) : ['out'];
}

function portOf(output: Json): string | undefined {
  return typeof output === 'object' && output !== null && !Array.isArray(output) && typeof output['port'] === 'string' ? output['port'] : undefined;
}

const shape = { version: 1, summary: '', docs: '', category: 'flow', inputs: inPort, outputs: [{ name: 'out', title: 'Out', kind: 'json' }] } as const;
const example = { script: [[[{ do: 'give', ms: 0, flag: true }]]], reads: {} } satisfies Record<string, Json>;

/** The node types of a world. */
export function simulatedTypes(stage: Stage): readonly NodeType[] {
  const work = (type: string, pure: boolean): NodeType =>
    defineNode({
      ...shape,
      ...{ type, title: type, example, portsOf, portOf, params, runs: 'inline', pure },
      run: (given, context) => run(stage, given as unknown as WorkParams, context),
      resume: (signal, state) => {
        const { key, given } = state as unknown as { key: string; given: WorkParams };
        if (signal.kind === 'decision') throw new NodeError('refused', 'it waits for a callback');
        return output(key, given, { flag: signal.kind === 'callback' });
      },
    });
  return [work('sim.work', false), work('sim.pure', true), job];
}

const job = defineJobNode({
  ...shape,
  ...{ type: 'sim.job', title: 'sim.job', example, params, runs: 'job', queue: 'default' },
  toCommand: () => ({ command: 'true', args: [], env: {} }) as never,
  toOutput(given, ended) {
    if (ended.exitCode !== 0) throw new NodeError('exit', `exit code ${ended.exitCode}`);
    const { key } = ended.result as { key: string };
    return output(key, given as unknown as WorkParams, {});
  },
});

function output(key: string, given: WorkParams, act: { readonly flag?: boolean; readonly port?: string }): NodeResult {
  return { kind: 'output', output: givenBy(key, given, act), ...(act.port === undefined ? {} : { port: act.port }) };
}

function run(stage: Stage, given: WorkParams, context: NodeContext): NodeResult | Promise<NodeResult> {
  const act = actOf(given.script, { at: given.at ?? 0, row: context.generation > 1 ? 1 : 0, attempt: context.attempt });
  const key = context.path.slice(context.path.lastIndexOf('/') + 1);
  stage.began(context);
  const takesMs = act.do === 'hang' ? FOREVER_MS : act.do === 'give' || act.do === 'fail' ? act.ms : 0;
  if (takesMs > 0)
    return stage
      .wait(takesMs, context.signal)
      .finally(() => stage.ended(context))
      .then(() => perform(key, given, act, context));
  try {
    return perform(key, given, act, context);
  } finally {
    stage.ended(context);
  }
}

/** Longer than any limit. */
const FOREVER_MS = 3_600_000;

function perform(key: string, given: WorkParams, act: Act, context: NodeContext): NodeResult {
  switch (act.do) {
    case 'give':
      return output(key, given, act);
    case 'fail':
      throw new NodeError(act.code, `${key} fails`, { final: act.isFinal ?? false });
    case 'break':
      throw new TypeError(`${key} breaks`);
    case 'timer':
      return { kind: 'wait', wait: { kind: 'timer', afterMs: act.ms } };
    case 'poll': {
      const looks = typeof context.state === 'number' ? context.state : 0;
      if (looks >= act.looks) return output(key, given, {});
      return { kind: 'wait', wait: { kind: 'again', afterMs: act.ms, message: 'looks again', state: looks + 1 } };
    }
    case 'call back':
      return {
        kind: 'wait',
        wait: {
          kind: 'webhook',
          message: 'waits for a callback',
          state: { key, given } as unknown as Json,
          ...(act.answer === 'timeout' ? { timeoutMs: act.ms } : {}),
        },
      };
    case 'hang':
      throw new Error('a hanging act does not perform');
  }
}

/** The acts of a simulated node. */
export function scriptOf(node: GraphNode): Script {
  return (node.params?.['script'] ?? [[[]]]) as unknown as Script;
}
