/** When backups are made, proved and removed: one setting of the machine. */
import { backupSettings, type BackupSettings } from '../contract/backups.ts';
import type { Sql } from '../store/client.ts';
import { readMachineSetting, writeMachineSetting } from '../store/machine.ts';

const KEY = 'backups';

export const defaultSettings: BackupSettings = backupSettings.parse({});

export async function readBackupSettings(sql: Sql): Promise<BackupSettings> {
  return backupSettings.safeParse((await readMachineSetting(sql, KEY)) ?? {}).data ?? defaultSettings;
}

export async function writeBackupSettings(sql: Sql, settings: BackupSettings, now: Date): Promise<void> {
  await writeMachineSetting(sql, { key: KEY, value: { ...settings, keep: { ...settings.keep } }, now });
}
