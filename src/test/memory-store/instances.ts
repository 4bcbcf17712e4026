/** Instances in memory: taking over, reading, strays. */
import type { Failure } from '../../contract/instances.ts';
import type { StoredInstance } from '../../store/instances.ts';
import { byId, isLive, parse, type Part } from './answers.ts';
import type { InstanceRow, Rows } from './rows.ts';

export function instanceAnswers(
  rows: Rows,
): Part<
  'adoptInstances' | 'adoptInstance' | 'readStoredInstance' | 'readStoredInstances' | 'readOutcome' | 'readStatus' | 'listEndedInstances' | 'listStrayChildren'
> {
  const take = (row: InstanceRow, epoch: number): void => void rows.instances.set(row.id, { ...row, ownerEpoch: epoch });
  return {
    adoptInstances({ epoch, from, after, limit }) {
      const free = [...rows.instances.values()].filter((row) => isLive(row) && row.ownerEpoch === from && row.id > after).toSorted(byId);
      const taken = free.slice(0, limit);
      for (const row of taken) take(row, epoch);
      return taken.map((row) => row.id);
    },
    adoptInstance({ id, epoch }) {
      const row = rows.instances.get(id);
      const isFree = row !== undefined && (row.ownerEpoch === epoch || row.ownerEpoch === null || !isLive(row) || !rows.owners.has(row.ownerEpoch));
      if (isFree) take(row, epoch);
      return isFree;
    },
    readStoredInstance({ id, orgId }) {
      const row = rows.instances.get(id);
      return row === undefined || (orgId !== undefined && row.orgId !== orgId) ? undefined : storedOf(rows, row);
    },
    readStoredInstances(ids) {
      const found = ids.map((id) => rows.instances.get(id)).filter((row) => row !== undefined);
      return found.toSorted(byId).map((row) => storedOf(rows, row));
    },
    readOutcome(id) {
      const row = rows.instances.get(id);
      return row === undefined ? undefined : { status: row.status, output: parse(row.output), error: parse(row.error) as Failure | null };
    },
    readStatus: (id) => rows.instances.get(id)?.status,
    listEndedInstances: (ids) => ids.filter((id) => !isLive(rows.instances.get(id) ?? { status: 'cancelled' })),
    listStrayChildren(limit) {
      const isStray = (row: InstanceRow): boolean => {
        const parent = row.parentId === null ? undefined : rows.instances.get(row.parentId);
        return isLive(row) && row.parentGeneration !== null && parent !== undefined && !isLive(parent);
      };
      const strays = [...rows.instances.values()].filter(isStray).toSorted(byId).slice(0, limit);
      return strays.map(({ id, orgId }) => ({ id, orgId }));
    },
  };
}

function storedOf(rows: Rows, row: InstanceRow): StoredInstance {
  const {
    id,
    orgId,
    workflowId,
    version,
    status,
    priority,
    startedBy,
    principal,
    ownerEpoch,
    createdAt,
    startedAt,
    depth,
    debug,
    isTest,
    starter,
    limitKey,
    rateKey,
  } = row;
  let { seq } = row;
  for (const step of rows.steps.get(id)?.values() ?? []) seq = Math.max(seq, step.seq);
  const parent = row.parentId === null ? undefined : { instanceId: row.parentId, path: row.parentPath ?? '', generation: row.parentGeneration };
  return {
    ...{
      id,
      orgId,
      workflowId,
      version,
      status,
      priority,
      startedBy,
      starter,
      principal,
      ownerEpoch,
      createdAt,
      startedAt,
      depth,
      debug,
      isTest,
      limitKey,
      rateKey,
      seq,
      parent,
    },
    workflowName: rows.workflows.get(workflowId)?.name ?? '',
    input: parse(row.input),
    labels: parse(row.labels) as Record<string, string>,
  };
}
