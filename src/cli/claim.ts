/** `studio claim`: the claim link, as long as nobody has used it. */
import { existsSync, readFileSync } from 'node:fs';
import { hasUsers } from '../store/users.ts';
import { claimPath } from '../identity/first-admin.ts';
import { print, readArguments, readConfig, type Command } from './command.ts';
import { withWorkspace } from './workspace.ts';

export const claim: Command = async (args) => {
  const { values } = readArguments(args, {});
  const loaded = await readConfig(values.config);
  const path = claimPath(loaded.config.workspacePath);
  if (existsSync(path)) {
    print(readFileSync(path, 'utf8').trim());
    return 0;
  }
  const isClaimed = await withWorkspace(loaded, ({ open }) => hasUsers(open().engine));
  process.stderr.write(
    isClaimed
      ? 'studio: this Studio has its administrator; for a lost password run: studio reset-password EMAIL\n'
      : 'studio: there is no claim link yet; it is made when Studio starts: studio start\n',
  );
  return 1;
};
