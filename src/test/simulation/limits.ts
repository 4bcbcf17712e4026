/** What limits of a workflow promise, watched at each answer of the store: how many run at once and start in a while, who is let in first, who is
 *  cancelled or gives way. It counts instances by their rows, never the places that the engine's store keeps, and shares no code with either. */
import type { Definition } from '../../contract/graph.ts';
import { isTerminalInstance } from '../../contract/values.ts';
import type { Admission, AdmissionRequest } from '../../store/admissions.ts';
import type { Batch } from '../../store/journal.ts';
import type { InstanceRow, Rows } from '../memory-store/rows.ts';
import type { Heard } from './world.ts';

export interface LimitWatch {
  readonly heard: Heard;
  readonly faults: string[];
  /** A person starts this one by hand, or retries it: it may be one more. */
  exempt(id: string): void;
}

/** Younger ones may be unknown to who decides, ms. */
const KNOWN_AFTER_MS = 2_000;

/** @param sinceUp how long the only process has been up, ms; undefined: there is none, or more than one */
export function watchLimits(rows: Rows, now: () => number, sinceUp: () => number | undefined): LimitWatch {
  const faults: string[] = [];
  const exempted = new Set<string>();
  /** When they were let in first; those that have ended since stay. */
  const lettingsIn = new Map<string, number>();
  /** Let in, or counted again, and not ended since. */
  const holding = new Set<string>();
  /** Told that it has to wait because so many run; in its name the oldest may have to give way. */
  const refusals = new Map<string, Set<string>>();
  const keyOf = (row: InstanceRow): string => String((JSON.parse(row.input) as { readonly key?: string }).key ?? '');
  const settingsOf = (row: InstanceRow): NonNullable<Definition['settings']> => rows.workflows.get(row.workflowId)?.definition.settings ?? {};
  /** Others that count under the same limit. */
  const beside = (row: InstanceRow, limit: { readonly key?: string | undefined }): InstanceRow[] =>
    [...rows.instances.values()].filter(
      (one) => one.workflowId === row.workflowId && one.id !== row.id && (limit.key === undefined || keyOf(one) === keyOf(row)),
    );
  const isHolding = ({ id, status }: InstanceRow): boolean => !isTerminalInstance(status) && holding.has(id);

  const whatRuns = (row: InstanceRow): InstanceRow[] => beside(row, settingsOf(row).concurrency ?? {}).filter(isHolding);
  const young = (row: InstanceRow, atMs: number, perS: number): number[] =>
    beside(row, settingsOf(row).rateLimit ?? {}).flatMap(({ id }) => {
      const at = lettingsIn.get(id);
      return at !== undefined && at > atMs - perS * 1_000 ? [at] : [];
    });

  function letIn(row: InstanceRow, request: AdmissionRequest): void {
    const { concurrency, rateLimit } = settingsOf(row);
    if (holding.has(row.id)) return;
    holding.add(row.id);
    lettingsIn.set(row.id, request.nowMs);
    const running = whatRuns(row).length;
    if (concurrency !== undefined && running >= concurrency.limit) faults.push(`${row.id} was let in although ${running} run and ${concurrency.limit} may`);
    if (rateLimit !== undefined && young(row, request.nowMs, rateLimit.perS).length >= rateLimit.limit)
      faults.push(`${row.id} was let in although ${rateLimit.limit} had started in ${rateLimit.perS} s`);
    for (const other of rows.instances.values())
      if (isBefore(other, row)) faults.push(`${row.id} was let in before ${other.id}, which is more important or older`);
  }

  /** Same limits, waiting for long, and nothing but its turn holds it back. */
  function isBefore(other: InstanceRow, row: InstanceRow): boolean {
    if (other.id === row.id || other.workflowId !== row.workflowId || other.status !== 'pending' || lettingsIn.has(other.id)) return false;
    if (other.limitKey !== row.limitKey || other.rateKey !== row.rateKey) return false;
    if (other.priority < row.priority || (other.priority === row.priority && other.id > row.id)) return false;
    return (sinceUp() ?? 0) > KNOWN_AFTER_MS && now() - other.createdAt > KNOWN_AFTER_MS;
  }

  function refuse(row: InstanceRow, answer: Admission & { readonly isAdmitted: false }, request: AdmissionRequest): void {
    const { concurrency, rateLimit } = settingsOf(row);
    if (answer.untilMs !== undefined) {
      if (rateLimit === undefined || young(row, request.nowMs, rateLimit.perS).length < rateLimit.limit)
        faults.push(`${row.id} has to wait for a rate that allows it`);
      return;
    }
    // One that was retried may have kept its place, or not have it back yet.
    const running = beside(row, concurrency ?? {}).filter((one) => isHolding(one) || (!isTerminalInstance(one.status) && one.status !== 'pending'));
    if (concurrency === undefined || running.length < concurrency.limit)
      faults.push(`${row.id} has to wait although ${running.length} run and ${concurrency?.limit ?? 'any number'} may`);
    refusals.set(row.id, new Set([...(refusals.get(row.id) ?? []), ...running.map(({ id }) => id)]));
  }

  function written({ created, instances }: Batch): void {
    for (const row of created) if (row.limitKey !== null && row.status !== 'pending') faults.push(`${row.id} began without being let in`);
    for (const { id, status, expected, error } of instances) {
      const row = rows.instances.get(id);
      if (row === undefined) continue;
      if (isTerminalInstance(status)) holding.delete(id);
      if (expected === 'pending' && status === 'running' && !holding.has(id)) faults.push(`${id} began without being let in`);
      if (status === 'cancelled' && error !== null) checkCancelled(row, error);
      const { concurrency } = settingsOf(row);
      const running = [row, ...whatRuns(row)].filter((one) => one.status !== 'pending' && isHolding(one) && !exempted.has(one.id)).length;
      if (status === 'running' && concurrency !== undefined && running > concurrency.limit) faults.push(`${running} run at once, ${concurrency.limit} may`);
    }
  }

  function checkCancelled({ id, workflowId }: InstanceRow, error: string): void {
    const { code, message } = JSON.parse(error) as { readonly code: string; readonly message: string };
    const policy = rows.workflows.get(workflowId)?.definition.settings?.concurrency?.policy;
    if (code === 'limit_reached' && (policy !== 'cancel-new' || !refusals.has(id))) faults.push(`${id} was cancelled as one too many, and was not`);
    if (code !== 'gave_way') return;
    const [newer = ''] = /inst_\w+/.exec(message) ?? [];
    if (policy !== 'cancel-old' || refusals.get(newer)?.has(id) !== true)
      faults.push(`${id} gave way to ${newer}, which had a place or was not held back by it`);
  }

  return {
    faults,
    exempt: (id) => void exempted.add(id),
    heard(name, asked, answer) {
      if (name === 'writeGroups') return written(asked[1] as Batch);
      if (name !== 'admit' && name !== 'admitAnyway') return;
      const request = asked[0] as AdmissionRequest;
      const row = rows.instances.get(request.instanceId);
      if (row === undefined) return void faults.push(`${request.instanceId} asks for a place and is not there`);
      if (name === 'admitAnyway') {
        if (!exempted.has(row.id)) faults.push(`${row.id} passed the limits although nobody asked for that`);
        holding.add(row.id);
        return void (lettingsIn.has(row.id) || lettingsIn.set(row.id, request.nowMs));
      }
      // Who asks was frozen and does not know yet: it is refused when it writes.
      if (row.status !== 'pending') return;
      const told = answer as Admission;
      if (told.isAdmitted) letIn(row, request);
      else refuse(row, told, request);
    },
  };
}
