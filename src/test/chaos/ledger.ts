/** The ledger of chaos campaigns: one line of JSON each, kept with the sources, so that what was proven by how many kills of which state
 *  of the code can be read years later. Pure: who runs campaigns appends the lines. */
import type { Campaign, CampaignOptions } from './campaign.ts';
import { strikes, type Strike, type Verdict } from './history.ts';

export interface LedgerEntry {
  readonly at: string;
  readonly commit: string;
  /** The tree had changes that the commit does not hold. */
  readonly isDirty: boolean;
  readonly seconds: number;
  readonly seed: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly blows: Readonly<Partial<Record<Strike, number>>>;
  readonly acknowledged: number;
  readonly instances: number;
  readonly executions: number;
  /** Executions beyond one a step that was not refused. */
  readonly repeated: number;
  readonly verdict: Readonly<Record<keyof Verdict, number>>;
  readonly readyMs: Spread | null;
  /** Absent: from before it was asked to stop. */
  readonly stopMs?: Spread | null;
  readonly healMs: Spread | null;
}

export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface Circumstances {
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly commit: string;
  readonly isDirty: boolean;
}

export function entryOf(campaign: Campaign, options: CampaignOptions, around: Circumstances): LedgerEntry {
  const { seed, onLine: _, ...chosen } = options;
  return {
    at: around.startedAt.toISOString(),
    commit: around.commit,
    isDirty: around.isDirty,
    seconds: Math.round((around.endedAt.getTime() - around.startedAt.getTime()) / 1000),
    seed,
    options: chosen,
    blows: campaign.blows,
    acknowledged: campaign.acknowledged,
    instances: campaign.instances,
    executions: campaign.executions,
    repeated: campaign.repeated,
    verdict: countsOf(campaign.verdict),
    readyMs: spreadOf(campaign.readyMs),
    stopMs: spreadOf(campaign.stopMs),
    healMs: spreadOf(campaign.healMs),
  };
}

/** The whole ledger in a few lines. @param text of the ledger file  @throws Error that names a line which is no entry */
export function sumLedger(text: string): string {
  const entries = text.split('\n').flatMap((line, index) => (line === '' ? [] : [parseEntry(line, index + 1)]));
  const total = (read: (entry: LedgerEntry) => number): number => entries.reduce((sum, entry) => sum + read(entry), 0);
  const kinds = strikes.map((strike) => `${strike} ${total((entry) => entry.blows[strike] ?? 0)}`);
  const kills = strikes.filter((strike) => !strike.startsWith('freeze-'));
  const faults = (Object.keys(entries[0]?.verdict ?? {}) as (keyof Verdict)[]).map((name) => `${name} ${total((entry) => entry.verdict[name])}`);
  const broken = entries.filter((entry) => Object.values(entry.verdict).some((count) => count > 0));
  return [
    `${entries.length} campaigns on ${new Set(entries.map((entry) => entry.commit)).size} commits, ${(total((entry) => entry.seconds) / 3600).toFixed(1)} hours`,
    `kills: ${total((entry) => kills.reduce((sum, kill) => sum + (entry.blows[kill] ?? 0), 0))} (${kinds.join(', ')})`,
    `acknowledged: ${total((entry) => entry.acknowledged)}; executions: ${total((entry) => entry.executions)}, repeated across a death: ${total((entry) => entry.repeated)}`,
    `violations: ${faults.join(', ')}${broken.length === 0 ? '' : `; in ${broken.map((entry) => `seed ${entry.seed} at ${entry.commit}`).join(', ')}`}`,
    `ready after a kill, worst campaign: p50 ${most(entries, (entry) => entry.readyMs?.p50)} ms, p99 ${most(entries, (entry) => entry.readyMs?.p99)} ms`,
  ].join('\n');
}

function parseEntry(line: string, number: number): LedgerEntry {
  try {
    const entry = JSON.parse(line) as LedgerEntry;
    if (typeof entry.commit === 'string' && typeof entry.blows === 'object') return entry;
  } catch (cause) {
    throw new Error(`line ${number} of the ledger is no JSON`, { cause });
  }
  throw new Error(`line ${number} of the ledger is no entry: it lacks a commit or its blows`);
}

function most(entries: readonly LedgerEntry[], read: (entry: LedgerEntry) => number | undefined): number {
  return Math.max(0, ...entries.map((entry) => read(entry) ?? 0));
}

function countsOf(found: Verdict): Record<keyof Verdict, number> {
  return {
    lost: found.lost.length,
    duplicated: found.duplicated.length,
    stuck: found.stuck.length,
    wrong: found.wrong.length,
    faults: found.faults.length,
    broken: found.broken.length,
  };
}

function spreadOf(sorted: readonly number[]): Spread | null {
  if (sorted.length === 0) return null;
  const at = (share: number): number => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
