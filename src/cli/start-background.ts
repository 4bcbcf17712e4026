/** `studio start --background`: starts Studio in a session of its own, and comes back once it can work. Its output goes to logs/start.log in the workspace. */
import { isAlive } from '../kernel/process-identity.ts';
import { print, readArguments, readConfig, type Command } from './command.ts';
import { findRunning, ownFacts, startDetached, waitHealthy } from './running-studio.ts';
import { UNIT } from './service-files.ts';

/** A first start of a version unpacks it and migrates. */
const READY_MS = 600_000;

export const startBackground: Command = async (args) => {
  const { values } = readArguments(args, { background: { type: 'boolean' }, pretty: { type: 'boolean' } });
  const { config } = await readConfig(values.config);
  const running = findRunning(config.workspacePath, UNIT);
  if (running !== undefined) throw new Error(`Studio runs already on ${config.workspacePath} (pid ${running.process.pid}, port ${running.port}).`);
  const facts = { ...ownFacts(), args: ['start', ...args.filter((word) => word !== '--background')] };
  const started = await startDetached(facts, config);
  await waitHealthy(config, () => isAlive(started), READY_MS).catch((error: unknown) => {
    throw new Error(`Studio did not start; the last lines of ${config.workspacePath}/logs/start.log say why.`, { cause: error });
  });
  print(`Studio runs (pid ${started.pid}, port ${config.port}). Its log: studio logs -f. To stop it: studio stop`);
  return 0;
};
