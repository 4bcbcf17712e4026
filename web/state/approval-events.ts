/** The list of what waits for approval, and what events do to it. Pure. */
import type { Approval } from '../../src/contract/approvals.ts';
import type { Envelope, StepPayload } from '../../src/contract/events.ts';

export interface ApprovalList {
  readonly items: readonly Approval[];
  readonly next: string | null;
  readonly cursor: string;
}

/** Which step it is of. */
export type ApprovalPlace = Pick<Approval, 'instanceId' | 'path'>;

/** One key for an approval: an instance waits at a path once. */
export function approvalKey(place: ApprovalPlace): string {
  return `${place.instanceId}/${place.path}`;
}

/** What an event of the organisation does to the list. Pure. A step that begins to wait for approval, or got a decision, has to be read. */
export function applyToApprovals(list: ApprovalList, event: Envelope): ApprovalList | 'reload' {
  if (event.entity_kind !== 'instance') return list;
  if (event.event_type.startsWith('engine:step:')) {
    const { path, status, waitReason } = event.payload as unknown as StepPayload;
    if (status === 'waiting') return waitReason?.kind === 'approval' ? 'reload' : list;
    return without(list, (item) => item.instanceId === event.entity_id && item.path === path);
  }
  const isOver = ['completed', 'failed', 'cancelled', 'deleted'].some((end) => event.event_type === `engine:instance:${end}`);
  return isOver ? without(list, (item) => item.instanceId === event.entity_id) : list;
}

function without(list: ApprovalList, gone: (item: Approval) => boolean): ApprovalList {
  return list.items.some(gone) ? { ...list, items: list.items.filter((item) => !gone(item)) } : list;
}
