/** What a subcommand is, and what all of them share: reading the configuration, printing, JSON. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import studioConfig from '../../studio.config.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';

/** @returns the exit status */
export type Command = (args: readonly string[]) => Promise<number>;

/** Parses arguments strictly: an unknown option is wrong use. `--config FILE` is known to all. */
export function readArguments<T extends ParseArgsOptionsConfig>(args: readonly string[], options: T) {
  return parseArgs({ args: [...args], options: { ...options, config: { type: 'string' } }, allowPositionals: true });
}

export function readConfig(filePath: string | undefined): Promise<LoadedConfig> {
  return loadConfig({ env: process.env, file: studioConfig, filePath });
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}
