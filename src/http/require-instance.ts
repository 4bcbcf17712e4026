/** The instance that a call names, or the refusal that there is none: also where it is another org's. */
import type { Instance } from '../contract/instances.ts';
import { fail } from '../kernel/fail.ts';
import { readInstance } from '../store/instance-rows.ts';
import type { Call } from './route.ts';

/** @param known a cursor that was taken before; default: the call's  @throws AppError not_found */
export async function requireInstance(call: Pick<Call, 'caller' | 'sql' | 'cursor'>, id: string, known?: string): Promise<Instance> {
  const cursor = known ?? (await call.cursor());
  const instance = await readInstance(call.sql, { orgId: call.caller.orgId, id, cursor });
  return instance ?? fail('not_found', `there is no instance ${id}`);
}
