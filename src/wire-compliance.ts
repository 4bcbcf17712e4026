/** Hands the report on data what it asks of other parts: how they seal and hash, where backups go, how long they keep. Part of wire.ts. */
import * as z from 'zod';
import { openPlace } from './backup/open-place.ts';
import { BACKUP_SEALING } from './backup/crypt.ts';
import { readBackupSettings } from './backup/settings.ts';
import { explainConfig } from './config/explain.ts';
import type { LiveConfig } from './config/live.ts';
import { keys, type CompleteConfig, type KeyName, type KeySpec } from './config/schema.ts';
import { remoteSettings } from './contract/model-settings.ts';
import { UPLOADS_KEPT_MS } from './files/uploads.ts';
import { complianceRoutes } from './http/routes/compliance.ts';
import type { Route } from './http/route.ts';
import { WEB_IDLE_MS } from './identity/authenticate.ts';
import { SEALING, type Cipher } from './identity/cipher.ts';
import { IDEMPOTENCY_KEPT_MS } from './identity/identity.ts';
import { EXPIRED_KEPT_MS } from './identity/invites.ts';
import { ACCESS_TOKEN_S, SECRET_HASH, TOKEN_ALGORITHM } from './identity/tokens.ts';
import { defaultEnvironments } from './jobs/environments.ts';
import type { Clock } from './kernel/clock.ts';
import { urlsOf } from './models/remote.ts';
import { createCompliance } from './ops/compliance.ts';
import type { Retention } from './ops/retention.ts';
import { OUTBOX_KEPT_MS } from './realtime/retention.ts';
import type { Database } from './store/client.ts';
import { readMachineSetting } from './store/settings.ts';
import type { StorageVerdict } from './supervise/storage.ts';

export interface ComplianceWireParts {
  readonly config: CompleteConfig;
  readonly live: Pick<LiveConfig, 'loaded'>;
  readonly version: string;
  readonly clock: Clock;
  readonly database: Database;
  readonly storage: StorageVerdict;
  readonly cipher: Cipher;
  readonly retention: Pick<Retention, 'read'>;
}

export function complianceRoutesOf({ config, live, database, cipher, ...parts }: ComplianceWireParts): readonly Route[] {
  const sql = database.engine;
  const { label, isLocal, host } = openPlace(config);
  const report = createCompliance({
    ...{ ...parts, config, sql },
    environmentsPath: config.venvPath ?? defaultEnvironments(config.workspacePath),
    sourceOf: (name) => sourceOf(live, name),
    sealing: { ...SEALING, keyId: cipher.keyId },
    tokens: { secretHash: SECRET_HASH, signature: TOKEN_ALGORITHM, accessTokenS: ACCESS_TOKEN_S },
    backups: { ...BACKUP_SEALING, label, isLocal, host, settings: () => readBackupSettings(sql) },
    kept: {
      events: OUTBOX_KEPT_MS,
      idempotency_replies: IDEMPOTENCY_KEPT_MS,
      idle_sessions: WEB_IDLE_MS,
      past_invites: EXPIRED_KEPT_MS,
      uploads: UPLOADS_KEPT_MS,
    },
    publicOrigin: async () => z.string().safeParse(await readMachineSetting(sql, 'publicOrigin')).data ?? null,
    remoteUrls: ({ remoteModels }) =>
      remoteModels.flatMap((settings) => {
        const read = remoteSettings.safeParse(settings);
        return read.success ? urlsOf(read.data) : [];
      }),
  });
  return complianceRoutes({ report });
}

/** As `studio config explain` says it; what was made at the first start lies in the workspace. */
function sourceOf(live: Pick<LiveConfig, 'loaded'>, name: KeyName): string {
  const loaded = live.loaded();
  const { from = 'default', env = [] } = explainConfig(loaded, {}).keys.find(({ key }) => key === name) ?? {};
  const spec: KeySpec = keys[name];
  return from === 'default' && spec.isGenerated === true ? `${env[0] ?? name} in ${loaded.config.workspacePath}/.env, made at the first start` : from;
}
