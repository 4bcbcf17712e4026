/** `studio reset-password [EMAIL]`: a temporary password for somebody who lost theirs; their sessions end. */
import { resetPassword as reset } from '../identity/operator.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { print, readArguments, readConfig, type Command } from './command.ts';
import { withWorkspace } from './workspace.ts';

export const resetPassword: Command = async (args) => {
  const { values, positionals } = readArguments(args, {});
  const { email, temporaryPassword } = await withWorkspace(await readConfig(values.config), ({ open, log }) =>
    reset({ database: open(), clock, log }, { email: positionals[0] }),
  );
  print(`Temporary password of ${email}: ${temporaryPassword}\nIt must be changed at the next login; all sessions of ${email} have ended.`);
  return 0;
};
