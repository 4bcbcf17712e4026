/** How a run goes, in words for people who never see its graph. Pure. */
import type { Definition } from '../../src/contract/graph.ts';
import type { Instance, ItemCounts, Step } from '../../src/contract/instances.ts';
import { isTerminalStep } from '../../src/contract/values.ts';

export interface RunWords {
  /** One sentence on how it stands. */
  readonly headline: string;
  /** What is going on now, one line each. */
  readonly now: readonly string[];
  readonly done: number;
  readonly total: number;
  /** From 0 to 1; maps count by their items. */
  readonly fraction: number;
}

interface Run {
  readonly instance: Instance;
  readonly definition: Pick<Definition, 'nodes'>;
  readonly steps: ReadonlyMap<string, Step>;
  readonly counts: ReadonlyMap<string, ItemCounts>;
}

export function runWords(run: Run, formatDuration: (ms: number) => string): RunWords {
  const { definition, steps, instance } = run;
  const total = definition.nodes.length;
  const done = definition.nodes.filter((node) => isOver(steps.get(node.key))).length;
  const now = definition.nodes.flatMap((node) => nowOf(node.name ?? node.key, steps.get(node.key), run.counts.get(node.key)));
  const share = definition.nodes.reduce((sum, node) => sum + shareOf(steps.get(node.key), run.counts.get(node.key)), 0);
  const fraction = instance.endedAt !== null ? 1 : total === 0 ? 0 : Math.min(1, share / total);
  return { headline: headlineOf(instance, { done, total }, formatDuration), now: instance.endedAt === null ? now : [], done, total, fraction };
}

function isOver(step: Step | undefined): boolean {
  return step !== undefined && isTerminalStep(step.status);
}

function shareOf(step: Step | undefined, counts: ItemCounts | undefined): number {
  if (step === undefined) return 0;
  if (isTerminalStep(step.status)) return 1;
  if (step.progress !== undefined) return step.progress.fraction;
  if (counts === undefined || counts.total === 0) return 0;
  return endedItems(counts) / (counts.count ?? counts.total);
}

function endedItems({ counts }: ItemCounts): number {
  return Object.entries(counts).reduce((sum, [status, count]) => sum + (isTerminalStep(status as Step['status']) ? count : 0), 0);
}

function nowOf(name: string, step: Step | undefined, counts: ItemCounts | undefined): readonly string[] {
  if (step === undefined || isTerminalStep(step.status) || step.status === 'pending') return [];
  if (step.waitReason !== undefined) return [`${name}: ${step.waitReason.message}`];
  if (step.progress !== undefined) {
    const said = step.progress.message === undefined ? '' : `, ${step.progress.message}`;
    return [`${name}: ${Math.round(step.progress.fraction * 100)} %${said}`];
  }
  if (counts !== undefined && counts.total > 0) return [`${name}: ${endedItems(counts)} of ${counts.count ?? counts.total} so far`];
  return [step.status === 'queued' ? `${name} waits for its turn` : `${name} runs`];
}

function headlineOf(instance: Instance, so: { readonly done: number; readonly total: number }, formatDuration: (ms: number) => string): string {
  const { status, startedAt, endedAt, error, waiting } = instance;
  const took = startedAt === null || endedAt === null ? '' : ` after ${formatDuration(Date.parse(endedAt) - Date.parse(startedAt))}`;
  const progress = `${so.done} of ${so.total} steps are done`;
  if (status === 'completed') return `Done${took}.`;
  if (status === 'failed') return `It failed${took}: ${error?.message ?? 'a step failed'}`;
  if (status === 'cancelled') return `It was cancelled${took}.`;
  if (status === 'paused') return `Paused; ${progress}.`;
  if (status === 'pending') return 'It has not begun yet.';
  return status === 'waiting' ? `Waiting${waiting === undefined ? '' : `: ${waiting.message}`}; ${progress}.` : `Running; ${progress}.`;
}
