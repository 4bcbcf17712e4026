/** What waits for one's approval, live, and giving a decision. */
import type { Json } from '../../src/contract/endpoint.ts';
import type { Instance } from '../../src/contract/instances.ts';
import { call } from '../api.ts';
import { applyToApprovals } from './approval-events.ts';
import type { ApprovalList, ApprovalPlace } from './approval-events.ts';
import { useResource } from './resource.ts';
import type { Resource } from './resource.ts';

/** As many as a page of the API holds; the count says when there are more. */
const SHOWN = 200;

/** @param all everybody's, not only those that the caller may decide */
export function useApprovals(orgId: string, all: boolean): Resource<ApprovalList> {
  return useResource<ApprovalList>(
    async (signal) => await call('GET /api/v1/approvals', { query: { limit: SHOWN, all: all ? 'true' : 'false' }, signal }),
    [orgId, all],
    { follow: { rooms: [`org:${orgId}`], apply: applyToApprovals } },
  );
}

export interface Decision {
  readonly decision: 'approve' | 'reject';
  readonly comment: string;
  /** What the form holds; rejections carry none. */
  readonly form?: Json | undefined;
}

/** Gives a decision. @throws ApiError */
export async function decide(place: ApprovalPlace, given: Decision): Promise<Instance> {
  const params = { id: place.instanceId, path: place.path };
  const comment = given.comment.trim();
  const why = comment === '' ? {} : { comment };
  if (given.decision === 'reject') return (await call('POST /api/v1/instances/{id}/steps/{path}/reject', { params, body: why })).instance;
  const form = given.form === undefined ? {} : { form: given.form };
  return (await call('POST /api/v1/instances/{id}/steps/{path}/approve', { params, body: { ...why, ...form } })).instance;
}
