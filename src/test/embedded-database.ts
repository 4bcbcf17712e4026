/** How to reach the PostgreSQL that a Studio under test runs itself, as its superuser. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';

/** @param folder its data directory: the server runs  @param database default: Studio's own */
export function embeddedDatabase(folder: string, password: string, database = 'selfhost_studio'): pg.ClientConfig {
  // Lines: pid, folder, start time, port, socket folder, …
  const [, , , port, host] = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n');
  return { host: host ?? '', port: Number(port), user: 'studio_admin', password, database };
}

/** The password that Studio made for a workspace. */
export function passwordOf(workspace: string): string {
  return /^POSTGRES_PASSWORD=(.*)$/m.exec(readFileSync(join(workspace, '.env'), 'utf8'))?.[1] ?? '';
}
