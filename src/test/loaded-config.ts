/** Configurations as a start would load them, each in a workspace of its own: what was made of them, or why they were refused.
 *  Nothing of the caller's environment counts. */
import { ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigRefusal, loadConfig, type LoadedConfig } from '../config/load.ts';
import type { PortHolder } from '../kernel/port-holder.ts';

/** A secret that a production accepts. */
export const strong = 'c0ffee1db74a9e352f6d8b0a1c3e5f7092b4d6f8a1c3e5f7092b4d6f8a1c3e5f';

/** A managed deployment that lacks nothing. */
export const managed = {
  DATABASE_URL: 'postgresql://u:p@db.example:5432/x',
  REDIS_URL: 'redis://cache.example:6379/0',
  JWT_SECRET_KEY: strong,
  WORKER_SHARED_SECRET: strong,
};

/** No port is taken. */
export const nobody = (): PortHolder | undefined => undefined;

const folders: string[] = [];

export function configFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'studio-config-'));
  folders.push(folder);
  return folder;
}

export function removeConfigFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

export function load(env: Record<string, string>, findHolder: (port: number) => PortHolder | undefined = nobody): Promise<LoadedConfig> {
  return loadConfig({ env: { WORKSPACE_PATH: configFolder(), ...env }, findHolder });
}

/** The lines of the refusal. @throws when it was not refused */
export async function faultsOf(env: Record<string, string>): Promise<readonly string[]> {
  const error = await load(env).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  ok(error instanceof ConfigRefusal, `expected a refusal of ${JSON.stringify(env)}`);
  return error.faults;
}
