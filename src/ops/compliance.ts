/** The report on data: where it is, how it is protected, what leaves the machine, how long it is kept, how it is taken along and deleted. Read anew at each call,
 *  from what runs. Never holds a key, a secret or content. */
import { hostname } from 'node:os';
import type { Compliance } from '../contract/compliance.ts';
import type { EndpointKey } from '../contract/index.ts';
import type { BackupSettings } from '../contract/backups.ts';
import type { CompleteConfig, KeyName } from '../config/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import type { SqlPool } from '../store/client.ts';
import { countPasswordFormats, countSealed, countTokens, readConnectionFacts, readWrittenAddresses, type WrittenAddresses } from '../store/compliance.ts';
import type { StorageVerdict } from '../supervise/storage.ts';
import { ALERTS_KEPT_MS, readAlertSettings } from './alerts.ts';
import { listOutgoing } from './compliance-outgoing.ts';
import { listPlaces } from './compliance-places.ts';
import { transportOf } from './compliance-transport.ts';
import { HISTORY_KEPT_MS } from './machine-history.ts';
import type { Retention } from './retention.ts';

interface Sealing {
  readonly algorithm: string;
  readonly keyDerivation: string;
}

export interface ComplianceParts {
  readonly config: CompleteConfig;
  readonly version: string;
  readonly clock: Clock;
  readonly sql: SqlPool;
  readonly storage: StorageVerdict;
  readonly environmentsPath: string;
  /** Where a key's value comes from, in words. */
  readonly sourceOf: (name: KeyName) => string;
  readonly sealing: Sealing & { readonly keyId: string };
  readonly tokens: { readonly secretHash: string; readonly signature: string; readonly accessTokenS: number };
  readonly backups: Sealing & { readonly label: string; readonly isLocal: boolean; readonly host: string | undefined; settings(): Promise<BackupSettings> };
  readonly retention: Pick<Retention, 'read'>;
  /** What else is kept for a fixed time, ms. */
  readonly kept: Readonly<Record<string, number>>;
  readonly publicOrigin: () => Promise<string | null>;
  readonly remoteUrls: (written: WrittenAddresses) => readonly string[];
}

const DAY_MS = 86_400_000;

export function createCompliance(parts: ComplianceParts): () => Promise<Compliance> {
  const { config, clock, sql } = parts;
  return async () => {
    const [places, encryption, hashing, connection, written, retention, publicOrigin, { webhook }] = await Promise.all([
      listPlaces(parts),
      encryptionOf(parts),
      hashingOf(parts),
      readConnectionFacts(sql),
      readWrittenAddresses(sql),
      retentionOf(parts),
      parts.publicOrigin(),
      readAlertSettings(sql),
    ]);
    return {
      ...{ at: new Date(clock.now()).toISOString(), version: parts.version, host: hostname(), workspacePath: config.workspacePath },
      ...{ places, encryption, hashing, retention },
      transport: transportOf(config, { publicOrigin, connection }),
      outgoing: listOutgoing({
        ...{ config, written, backupHost: parts.backups.host, remoteUrls: parts.remoteUrls(written) },
        alertUrls: webhook?.url === undefined ? [] : [webhook.url],
        hasSecretAlert: webhook?.urlSecret !== undefined,
      }),
      rights: RIGHTS.map(([what, call, page]) => ({ what, call, page })),
    };
  };
}

async function encryptionOf({ sql, config, sealing, backups, sourceOf }: ComplianceParts): Promise<Compliance['encryption']> {
  const isSealed = config.backupPassphrase !== undefined;
  return {
    ...sealing,
    keySource: sourceOf('credentialEncryptionKey'),
    sealed: await countSealed(sql, sealing.keyId),
    backups: {
      isSealed,
      algorithm: backups.algorithm,
      keyDerivation: backups.keyDerivation,
      keySource: isSealed ? sourceOf('backupPassphrase') : null,
    },
  };
}

async function hashingOf({ sql, tokens, sourceOf }: ComplianceParts): Promise<Compliance['hashing']> {
  const [formats, stored, { passwordEncryption }] = await Promise.all([countPasswordFormats(sql), countTokens(sql), readConnectionFacts(sql)]);
  return [
    ...formats.map(({ format, count }) => ({ what: 'passwords' as const, algorithm: format, count, note: 'with a salt of its own each' })),
    { what: 'tokens', algorithm: tokens.secretHash, count: stored, note: 'sessions, API keys and invites: 256 random bits each, which need no salt' },
    {
      what: 'access_tokens',
      algorithm: tokens.signature,
      count: null,
      note: `signed, worth ${tokens.accessTokenS / 60} minutes, and nothing without its session; key: ${sourceOf('jwtSecretKey')}`,
    },
    { what: 'database_roles', algorithm: passwordEncryption, count: null, note: `key: ${sourceOf('postgresPassword')}` },
  ];
}

async function retentionOf({ config, backups, retention, kept }: ComplianceParts): Promise<Compliance['retention']> {
  const [days, { enabled, keep }] = await Promise.all([retention.read(), backups.settings()]);
  const fixed = { machine_history: HISTORY_KEPT_MS, alerts: ALERTS_KEPT_MS, ...kept };
  return [
    {
      class: 'instances',
      days: config.runRetentionDays === 0 ? null : config.runRetentionDays,
      setBy: 'RUN_RETENTION_DAYS',
      note: 'from their end; a workflow may keep less',
    },
    ...Object.entries(days).map(([name, value]) => ({ class: name, days: value, setBy: 'Settings, Storage', note: null })),
    {
      class: 'logs',
      days: null,
      setBy: 'LOG_FILE_MAX_BYTES, LOG_FILE_KEEP',
      note: `by size: ${config.logFileKeep + 1} files of ${(config.logFileMaxBytes / 2 ** 20).toFixed(1)} MiB`,
    },
    {
      class: 'backups',
      days: null,
      setBy: 'Settings, Backups',
      note: enabled ? `the newest of ${keep.daily} days, ${keep.weekly} weeks and ${keep.monthly} months` : 'until somebody deletes them: no schedule',
    },
    { class: 'files', days: null, setBy: 'who made them', note: 'until they are deleted' },
    { class: 'models', days: null, setBy: 'super administrators', note: 'until they are deleted' },
    ...Object.entries(fixed).map(([name, ms]) => ({ class: name, days: ms / DAY_MS, setBy: 'Studio', note: null })),
  ];
}

/** How data is taken along and deleted: the calls, and the pages that make them. */
const RIGHTS: readonly (readonly [what: string, call: EndpointKey, page: string | null])[] = [
  ['Take an organisation along, to a file', 'POST /api/v1/orgs/{id}/export', '/settings/orgs'],
  ['Delete an organisation, with a certificate of what went', 'POST /api/v1/orgs/{id}/purge', '/settings/orgs'],
  ['Read the certificates of what was deleted', 'GET /api/v1/org-purges', '/settings/orgs'],
  ['Remove a person from an organisation', 'DELETE /api/v1/orgs/current/members/{userId}', '/settings/members'],
  ['Take the audit trail along', 'GET /api/v1/audit/export', '/settings/audit'],
  ['Delete past runs that are due', 'POST /api/v1/run-data/sweep', '/settings/storage'],
  ['Delete what is due of a class', 'POST /api/v1/system/disk/clean', '/settings/storage'],
  ['Back everything up', 'POST /api/v1/backups', '/settings/backups'],
  ['Delete a backup', 'DELETE /api/v1/backups/{id}', '/settings/backups'],
];
