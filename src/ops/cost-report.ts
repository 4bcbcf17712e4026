/** The answer to whose work the machine's price was spent on: rows of jobs, models and services become lines that the asker may see. Pure; the sharing is cost.ts. */
import type { CostGroup, Costs } from '../contract/costs.ts';
import type { JobUseRow } from '../store/machine.ts';
import type { MachineUseRow, ModelAskerRow } from '../store/machine-uses.ts';
import { shareCosts, type HeldUse, type MachineRun } from './cost.ts';

export interface CostAsker {
  readonly groupBy: CostGroup;
  /** Whose names are told; others are one. */
  readonly orgId: string;
  /** Names of all organisations: for the machine's owner. */
  readonly seesOrgs: boolean;
}

export interface CostRows {
  readonly runs: readonly MachineRun[];
  readonly jobs: readonly JobUseRow[];
  readonly uses: readonly MachineUseRow[];
  readonly askers: readonly ModelAskerRow[];
}

export interface CostMoment {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly nowMs: number;
  /** Of the largest device. */
  readonly deviceBytes: number;
}

type Line = { readonly key: string | null; readonly kind: Costs['items'][number]['kind']; readonly name: string };

const MAX_ITEMS = 200;
const OTHERS: Line = { key: null, kind: 'org', name: 'Other organisations' };
const MACHINE: Line = { key: 'machine', kind: 'org', name: 'The machine' };
const FORMULA = [
  'Each hour, a job, a model or a service pays the price of that hour times the part of the machine it held: of a machine with GPUs its devices (a share of memory as that part of a device) over all devices;',
  'of one without, a job its slots over all slots, a model or a service its cores or its memory over those of the machine, whichever is more.',
  'Where the parts of a moment come to more than the machine, each is cut alike.',
  'Idle is what a model or a service held while nobody used it, spread over the time it held it.',
  'An organisation pays for its own and, of a model of the machine, its part of the time in use by tokens and requests; what nobody used of it is the machine’s.',
  'What nobody held stays unattributed.',
].join(' ');

export function reportCosts(rows: CostRows, asker: CostAsker, moment: CostMoment): Omit<Costs, 'since' | 'until' | 'price'> {
  const lines = new Map<string | null, Line>();
  const as = (line: Line): string | null => {
    lines.set(line.key, line);
    return line.key;
  };
  const held: HeldUse[] = [
    ...rows.jobs.map((row) => ({
      ...{ key: as(lineOfJob(row, asker)), isJob: true, slots: 1, gpus: row.gpus > 0 ? row.gpus : Math.min(1, row.vramBytes / moment.deviceBytes) },
      ...{ startMs: row.startedAt.getTime(), endMs: row.endedAt?.getTime() ?? moment.nowMs },
    })),
    ...rows.uses.flatMap((row) => usesOf(row, rows.askers, asker).map(({ line, ...use }) => ({ ...use, key: as(line) }))),
  ];
  const shared = shareCosts(rows.runs, held, moment);
  return {
    hours: shared.hours,
    pricedHours: shared.pricedHours,
    total: shared.total,
    attributed: shared.attributed,
    idle: shared.idle,
    unattributed: Math.max(0, shared.total - shared.attributed),
    items: shared.shares.slice(0, MAX_ITEMS).map((share) => {
      const { kind, name } = lines.get(share.key) ?? OTHERS;
      return { ...share, kind, name, share: shared.total === 0 ? 0 : share.cost / shared.total };
    }),
    formula: FORMULA,
  };
}

function lineOfJob(row: JobUseRow, { groupBy, orgId, seesOrgs }: CostAsker): Line {
  const isOwn = row.orgId === orgId;
  if (groupBy === 'kind') return { key: 'job', kind: 'job', name: 'Jobs' };
  if (groupBy === 'org') return isOwn || seesOrgs ? { key: row.orgId, kind: 'org', name: row.orgName } : OTHERS;
  if (!isOwn) return OTHERS;
  if (groupBy === 'job') return { key: row.id, kind: 'job', name: row.workflowName ?? 'Direct job' };
  return { key: row.workflowId ?? 'direct', kind: 'workflow', name: row.workflowName ?? 'Direct jobs' };
}

type Use = Omit<HeldUse, 'key'> & { readonly line: Line };

function usesOf(row: MachineUseRow, askers: readonly ModelAskerRow[], asker: CostAsker): readonly Use[] {
  const heldMs = Math.max(1, row.seenAt.getTime() - row.grantedAt.getTime());
  const busy = Math.min(1, row.busyMs / heldMs);
  const use = { startMs: row.grantedAt.getTime(), endMs: row.seenAt.getTime(), gpus: row.gpus, part: row.part, slots: 0, busy, isJob: false };
  if (asker.groupBy !== 'org') return [{ ...use, line: lineOfUse(row, asker) }];
  const lineOf = (id: string, name: string): Line => (id === asker.orgId || asker.seesOrgs ? { key: id, kind: 'org', name } : OTHERS);
  if (row.orgId !== null) return [{ ...use, line: lineOf(row.orgId, row.orgName ?? row.orgId) }];
  // Of the machine: those who asked share the time in which it was used.
  const own = row.kind === 'model' ? askers.filter(({ model }) => model === row.name) : [];
  const tokens = own.reduce((sum, one) => sum + one.tokens, 0);
  if (tokens === 0) return [{ ...use, line: MACHINE }];
  const times = (part: number): Pick<HeldUse, 'gpus' | 'part'> => ({ gpus: row.gpus * part, part: row.part * part });
  return [
    ...own.map((one) => ({ ...use, ...times(busy * (one.tokens / tokens)), busy: 1, line: lineOf(one.orgId, one.orgName) })),
    { ...use, ...times(1 - busy), busy: 0, line: MACHINE },
  ];
}

function lineOfUse({ kind, tenantId, name, orgId }: MachineUseRow, asker: CostAsker): Line {
  if (asker.groupBy === 'kind') return { key: kind, kind, name: kind === 'model' ? 'Models' : 'Services' };
  return orgId === null || orgId === asker.orgId ? { key: tenantId, kind, name } : OTHERS;
}
