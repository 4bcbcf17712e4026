/** Places under the limits of workflows, in memory. */
import type { AdmissionRequest } from '../../store/admissions.ts';
import { isLive, type Part } from './answers.ts';
import type { AdmissionEntry, Rows } from './rows.ts';

export function admissionAnswers(rows: Rows): Part<'admit' | 'admitAnyway' | 'releaseAdmission' | 'listAdmitted' | 'sweepAdmissions'> {
  const held = (workflowId: string, key: string | undefined): AdmissionEntry[] =>
    [...rows.admissions.values()].filter((one) => one.workflowId === workflowId && one.limit?.key === key && one.releasedAt === null);
  const hasEnded = (id: string): boolean => !isLive(rows.instances.get(id) ?? { status: 'cancelled' });
  const release = (id: string, nowMs: number): void => {
    const entry = rows.admissions.get(id);
    if (entry?.releasedAt === null && hasEnded(id)) rows.admissions.set(id, { ...entry, releasedAt: nowMs });
  };
  const admitAnyway = (request: AdmissionRequest): void =>
    void rows.admissions.set(request.instanceId, { ...(rows.admissions.get(request.instanceId) ?? request), releasedAt: null });
  return {
    admit(request) {
      const { instanceId, workflowId, limit, rate, nowMs } = request;
      if (rows.admissions.get(instanceId)?.releasedAt === null) return { isAdmitted: true };
      if (rows.instances.get(instanceId)?.status !== 'pending') return { isAdmitted: false, untilMs: undefined, oldest: undefined };
      const young = [...rows.admissions.values()].filter(
        (one) => rate !== undefined && one.workflowId === workflowId && one.rate?.key === rate.key && one.nowMs > nowMs - rate.perMs,
      );
      if (rate !== undefined && young.length >= rate.max)
        return {
          isAdmitted: false,
          untilMs:
            Math.min(
              ...young
                .map((one) => one.nowMs)
                .toSorted((a, b) => b - a)
                .slice(0, rate.max),
            ) + rate.perMs,
          oldest: undefined,
        };
      for (const one of limit !== undefined && held(workflowId, limit.key).length >= limit.max ? held(workflowId, limit.key) : [])
        release(one.instanceId, nowMs);
      const inTheWay = held(workflowId, limit?.key).toSorted((a, b) => a.nowMs - b.nowMs || (a.instanceId < b.instanceId ? -1 : 1));
      if (limit !== undefined && inTheWay.length >= limit.max) return { isAdmitted: false, untilMs: undefined, oldest: inTheWay[0]?.instanceId };
      admitAnyway(request);
      return { isAdmitted: true };
    },
    admitAnyway,
    releaseAdmission: release,
    listAdmitted: (ids) => ids.filter((id) => rows.admissions.get(id)?.releasedAt === null).toSorted(),
    sweepAdmissions({ nowMs, forgetBeforeMs }) {
      const strays = [...rows.admissions.values()].filter((one) => one.releasedAt === null && hasEnded(one.instanceId));
      for (const { instanceId } of strays) release(instanceId, nowMs);
      for (const one of rows.admissions.values()) {
        const row = rows.instances.get(one.instanceId);
        if (row !== undefined && isLive(row) && row.status !== 'pending') rows.admissions.set(one.instanceId, { ...one, releasedAt: null });
      }
      for (const one of rows.admissions.values()) if (one.releasedAt !== null && one.releasedAt < forgetBeforeMs) rows.admissions.delete(one.instanceId);
      return strays.length;
    },
  };
}
