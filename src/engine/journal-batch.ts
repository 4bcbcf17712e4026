/** Which groups of the journal one commit takes, and what it then writes. Pure; order and bounds are decided here alone. */
import type { AttemptInsert, Batch, InstanceEvent, InstanceInsert, InstanceUpdate, LogInsert, StepWrite } from '../store/journal.ts';
import type { Group } from './journal.ts';

interface Queued {
  readonly group: Group;
}

/** More groups a commit gain little and cost latency: while PostgreSQL writes one such batch, this process prepares the next. */
const MAX_GROUPS = 500;
/** Inputs and outputs travel as text; a batch far beyond this only fills buffers. */
const MAX_BYTES = 8 * 1024 * 1024;

/** The longest run of groups from the front that one statement can hold: it can't insert and update the same row. */
export function takeBatch<Entry extends Queued>(queue: readonly Entry[]): { readonly batch: readonly Entry[]; readonly rest: Entry[] } {
  const taken = new Map<string, Group[]>();
  let bytes = 0;
  let size = 0;
  for (const { group } of queue) {
    if (size >= MAX_GROUPS || (size > 0 && bytes > MAX_BYTES)) break;
    const before = taken.get(group.instanceId);
    if (before === undefined) taken.set(group.instanceId, [group]);
    else if (before.some((one) => sharesRow(one, group))) break;
    else before.push(group);
    for (const write of group.steps.values()) bytes += (write.output?.length ?? 0) + (write.input?.length ?? 0);
    size++;
  }
  return { batch: queue.slice(0, size), rest: queue.slice(size) };
}

/** Whether two groups of one instance write the same row. */
function sharesRow(a: Group, b: Group): boolean {
  if ((a.created ?? a.instance) !== undefined && (b.created ?? b.instance) !== undefined) return true;
  for (const key of b.steps.keys()) if (a.steps.has(key)) return true;
  return false;
}

/** As the store takes it: of each table its rows, in the order of the groups. */
export function toBatch(entries: readonly Queued[]): Batch {
  const created: InstanceInsert[] = [];
  const inserts: StepWrite[] = [];
  const updates: StepWrite[] = [];
  const instances: InstanceUpdate[] = [];
  const attempts: AttemptInsert[] = [];
  const logs: LogInsert[] = [];
  const events: InstanceEvent[] = [];
  for (const { group } of entries) {
    if (group.created !== undefined) created.push(group.created);
    if (group.instance !== undefined) instances.push(group.instance);
    for (const write of group.steps.values()) (write.expected === null ? inserts : updates).push(write);
    for (const one of group.attempts) attempts.push(one);
    for (const one of group.logs) logs.push(one);
    for (const one of group.events) events.push(one);
  }
  return { created, inserts, updates, instances, attempts, logs, events };
}
