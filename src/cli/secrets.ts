/** `studio secrets generate`: 256 random bits for a variable, as `openssl rand -hex 32` gives. Kept nowhere. */
import { generateSecret } from '../config/env-file.ts';
import { print, readArguments, wrongVerb, type Command } from './command.ts';

export const secrets: Command = async (args) => {
  const { positionals } = readArguments(args, {});
  if (positionals[0] !== 'generate') throw wrongVerb('secrets', positionals[0]);
  print(generateSecret());
  return 0;
};
