/** `studio token create [EMAIL]`: an API key, shown once. */
import { createToken } from '../identity/operator.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { print, printJson, readArguments, readConfig, wrongVerb, type Command } from './command.ts';
import { withWorkspace } from './workspace.ts';

export const token: Command = async (args) => {
  const { values, positionals } = readArguments(args, {
    name: { type: 'string' },
    scopes: { type: 'string' },
    expires: { type: 'string' },
    json: { type: 'boolean' },
  });
  if (positionals[0] !== 'create') throw wrongVerb('token', positionals[0]);
  const wanted = { email: positionals[1], name: values.name ?? 'command line', scopes: (values.scopes ?? '*').split(','), expiresAt: values.expires };
  const made = await withWorkspace(await readConfig(values.config), ({ open, log }) => createToken({ database: open(), clock, log }, wanted));
  if (values.json === true) printJson(made);
  else print(made.key);
  return 0;
};
