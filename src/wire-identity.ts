/** Joins identity to the rest: the seeded admin, the example a first admin finds, sockets that are looked at again when rights change. Part of wire.ts. */
import type { CompleteConfig } from './config/schema.ts';
import type { Engine } from './engine/engine.ts';
import { exampleInstaller } from './engine/examples/summarise.ts';
import type { Files } from './files/files.ts';
import { createIdentity, type Identity, type SessionEnd } from './identity/identity.ts';
import { proposedOrigin } from './identity/public-origin.ts';
import type { Clock } from './kernel/clock.ts';
import { newId } from './kernel/ids.ts';
import type { Logger } from './kernel/log.ts';
import type { HealthBoard } from './ops/health.ts';
import type { Realtime } from './realtime/realtime.ts';
import type { Database } from './store/client.ts';
import type { Listen } from './store/listen.ts';

interface IdentityWireParts {
  readonly config: CompleteConfig;
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly board: Pick<HealthBoard, 'report'>;
  readonly listen: Listen;
  readonly files: () => Pick<Files, 'of'>;
  readonly engine: () => Pick<Engine, 'createWorkflow'>;
  readonly realtime: () => Pick<Realtime, 'revise'>;
}

export interface WiredIdentity {
  readonly identity: Identity;
  start(): Promise<void>;
  stop(): void;
}

/** The sample is a few hundred bytes: longer means the disk is gone. */
const EXAMPLE_MS = 10_000;

export function wireIdentity({ config, database, clock, log, board, listen, files, engine, realtime }: IdentityWireParts): WiredIdentity {
  const identity = createIdentity({
    ...{ database, clock, log, listen },
    jwtSecret: config.jwtSecretKey,
    encryptionKey: config.credentialEncryptionKey,
    workspacePath: config.workspacePath,
    defaultOrigin: proposedOrigin({ podId: config.runpodPodId, port: config.port, isTls: config.tlsCertFile !== undefined }),
    seed: config.adminEmail === undefined || config.adminPassword === undefined ? undefined : { email: config.adminEmail, password: config.adminPassword },
    onClaimed: exampleInstaller({
      writeFile: (orgId, path, content) =>
        files()
          .of(orgId)
          .write(path, content, { signal: AbortSignal.timeout(EXAMPLE_MS) }),
      publish: ({ orgId, userId }, { name, description, ...definition }) =>
        engine().createWorkflow({ id: newId('wf', clock), orgId, userId, role: 'super_admin', requestId: newId('req', clock), name, description, definition }),
    }),
  });
  const stopRevising = identity.onSessionEnded((end) => void reviseSockets(realtime(), end));
  return {
    identity,
    async start() {
      await identity.firstAdmins.ensure();
      await tellUnreadableSecrets({ board, log }, identity);
      identity.start();
    },
    stop() {
      stopRevising();
      identity.stop();
    },
  };
}

/** A lost key store is noticed at the start, not when the first step needs a secret. */
async function tellUnreadableSecrets({ board, log }: Pick<IdentityWireParts, 'board' | 'log'>, identity: Identity): Promise<void> {
  const count = await identity.secrets.countUnreadable();
  if (count === 0) return;
  const fault = `${count} of the stored secrets can't be opened: CREDENTIAL_ENCRYPTION_KEY is not the one they were sealed with. Put the old .env of the workspace back and restart, or set these secrets again`;
  log.error({ count }, fault);
  board.report('secrets', fault, false);
}

/** Whose rights ended or changed has its sockets looked at again, at once. */
function reviseSockets(realtime: Pick<Realtime, 'revise'>, { sessionId, keyId, userId }: SessionEnd): Promise<void> {
  if (sessionId !== undefined) return realtime.revise({ sessionId });
  if (keyId !== undefined) return realtime.revise({ keyId });
  return userId === undefined ? Promise.resolve() : realtime.revise({ userId });
}
