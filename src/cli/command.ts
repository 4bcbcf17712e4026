/** What a subcommand is, and what all of them share: reading arguments and the configuration, wrong use, printing, JSON. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import studioConfig from '../../studio.config.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import { didYouMean } from '../kernel/nearest.ts';
import { manual, manualText, type CommandName, type Manual } from './manual.ts';

/** @returns the exit status */
export type Command = (args: readonly string[]) => Promise<number>;

/** Arguments that a command does not take: exit status 2. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

/** Parses arguments strictly: an unknown option is wrong use, told with the one that was meant. `--config FILE` is known to all. @throws WrongUse */
export function readArguments<T extends ParseArgsOptionsConfig>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options: { ...options, config: { type: 'string' } }, allowPositionals: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))) throw error;
    const unknown = /^Unknown option '-{0,2}([^']+)'/.exec(error.message)?.[1];
    if (unknown === undefined) throw new WrongUse(error.message, { cause: error });
    throw new WrongUse(`there is no option --${unknown}${didYouMean(unknown, [...Object.keys(options), 'config', 'help'], '--')}`, { cause: error });
  }
}

/** For a word that is no verb of the command: says which was meant, and what there is. */
export function wrongVerb(name: CommandName, given: string | undefined): WrongUse {
  const { verbs = [] }: Manual = manual[name];
  const what = given === undefined ? `${name} takes one of ${verbs.join(', ')}` : `there is no "${name} ${given}"${didYouMean(given, verbs)}`;
  return new WrongUse(`${what}\n\n${manualText(name).trimEnd()}`);
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

/** Columns under each other. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows)
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}
