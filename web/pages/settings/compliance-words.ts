/** What the report on data reads like. Pure. */
import { formatBytes, formatCount, formatNumber } from '../../ui/format.ts';
import type { Compliance } from '../../../src/contract/compliance.ts';

type Place = Compliance['places'][number];
type Outgoing = Compliance['outgoing'][number];

export const placeWords: Readonly<Record<Place['class'], string>> = {
  database: 'Database',
  database_copy: 'Copy of the database',
  queue: 'Queue and cache',
  files: 'Files and artifacts',
  jobs: 'Jobs',
  logs: 'Logs',
  backups: 'Backups',
  models: 'Models',
  environments: 'Python environments',
  keys: 'Keys',
  state: 'State of this run',
  other: 'Other folders',
};

export const outgoingWords: Readonly<Record<Outgoing['kind'], string>> = {
  database: 'Database elsewhere',
  redis: 'Redis elsewhere',
  backups: 'Backups',
  traces: 'Traces',
  logs: 'Logs',
  mail: 'E-mail',
  alerts: 'Alerts',
  notifications: 'Notifications',
  credentials: 'Credentials',
  models: 'Remote models',
  downloads: 'Downloads of models',
  tunnel: 'Tunnel',
  pod: 'The pod’s provider',
  start_gate: 'Gate of the start',
  workflows: 'Workflows',
  updates: 'Updates and figures of use',
};

export const hashedWords: Readonly<Record<Compliance['hashing'][number]['what'], string>> = {
  passwords: 'Passwords',
  tokens: 'Sessions and keys',
  access_tokens: 'Access tokens',
  database_roles: 'Database roles',
};

export const sealedWords: Readonly<Record<Compliance['encryption']['sealed'][number]['what'], string>> = {
  secrets: 'Secrets',
  credentials: 'Credentials',
  idempotency_replies: 'Kept replies',
};

const KEPT: Readonly<Record<Place['kept'], string>> = {
  volume: 'on the workspace’s volume',
  machine: 'on this machine, gone with it',
  memory: 'in memory, gone with a restart',
  elsewhere: 'on another machine',
};

const PLANS: Readonly<Record<NonNullable<Place['plan']>, string>> = {
  direct: 'directly on it',
  shadow: 'with a copy on the volume',
  ephemeral: 'NOT durable',
  managed: 'run by somebody else',
};

/** "On the workspace’s volume, directly on it; Made at the first start." The disk is named where it is another one than `usual`. */
export function placeFacts({ kept, plan, disk, note }: Place, usual: string | undefined): string {
  const held = plan === null ? KEPT[kept] : `${KEPT[kept]}, ${PLANS[plan]}`;
  const on = disk === null || disk.mountPoint === usual ? '' : `; ${disk.type} at ${disk.mountPoint}`;
  return sentence(`${held}${on}${note === null ? '' : `; ${note}`}`);
}

/** The disks that places lie on, that of the workspace first. */
export function disksOf(places: readonly Place[]): readonly NonNullable<Place['disk']>[] {
  const disks = new Map(places.flatMap(({ disk, kept }) => (disk === null ? [] : [[disk.mountPoint, { disk, isVolume: kept === 'volume' }] as const])));
  return [...disks.values()].toSorted((a, b) => Number(b.isVolume) - Number(a.isVolume)).map(({ disk }) => disk);
}

export function diskFacts({ type, mountPoint, freeBytes, totalBytes }: NonNullable<Place['disk']>): string {
  return `${type} at ${mountPoint}, ${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free`;
}

export function outgoingFacts({ setBy, note }: Outgoing): string {
  return sentence(`${setBy}${note === null ? '' : `: ${note}`}`);
}

export function retentionWords({ days }: Compliance['retention'][number]): string {
  if (days === null) return 'No time limit';
  return days < 1 ? formatCount(Math.round(days * 24), 'hour') : formatCount(days, 'day');
}

/** `past_invites` as people read it. */
export function className(name: string): string {
  return sentence(name.replaceAll('_', ' '));
}

export function sealedCount({ count, unreadable }: Compliance['encryption']['sealed'][number]): string {
  return unreadable === 0
    ? `${formatNumber(count)} sealed`
    : `${formatNumber(count)} sealed, ${formatNumber(unreadable)} with another key: they can’t be opened`;
}

/** Rows of one class side by side, in the order of their first. */
export function grouped<Row, Key extends string>(rows: readonly Row[], keyOf: (row: Row) => Key): readonly (readonly [key: Key, rows: readonly Row[]])[] {
  return [...Map.groupBy(rows, keyOf)];
}

export function hopsWords({ isTrusted, hops }: Compliance['transport']['proxy']): string {
  if (!isTrusted) return 'None is trusted: their headers are ignored';
  const given = Object.entries(hops).filter(([, count]) => count > 0);
  return `Trusted, hops from the right: ${given.map(([name, count]) => `${name} ${count}`).join(', ') || 'none'}`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
