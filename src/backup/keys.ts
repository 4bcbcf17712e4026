/** What of the configuration a backup carries: settings in clear without any secret, and, only under a passphrase, the workspace's `.env` with the keys in force. */
import * as z from 'zod';
import type { CompleteConfig } from '../config/schema.ts';
import { fail } from '../kernel/fail.ts';

const keysSchema = z.strictObject({
  /** As it stands in the workspace. */
  envFile: z.string().max(1_000_000),
  /** As in force, wherever they came from. */
  credentialEncryptionKey: z.string().min(32).max(1_000),
  jwtSecretKey: z.string().min(1).max(1_000),
  workerSharedSecret: z.string().min(1).max(1_000),
  workspaceId: z.string().min(1).max(100),
});
export type BackupKeys = z.infer<typeof keysSchema>;

export function keysText(config: CompleteConfig, envFile: string): string {
  const { credentialEncryptionKey, jwtSecretKey, workerSharedSecret, workspaceId } = config;
  return JSON.stringify({ envFile, credentialEncryptionKey, jwtSecretKey, workerSharedSecret, workspaceId } satisfies BackupKeys);
}

/** @throws AppError backup_unusable when they are none */
export function readKeys(text: string): BackupKeys {
  try {
    return keysSchema.parse(JSON.parse(text));
  } catch {
    return fail('backup_unusable', 'The keys in the backup are none that Studio writes. Use another backup.');
  }
}
