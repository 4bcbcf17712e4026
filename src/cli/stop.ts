/** `studio stop` and `studio restart`: of the Studio on this workspace, through systemd where that keeps it. Running jobs go on through both. */
import { isAlive } from '../kernel/process-identity.ts';
import { print, readArguments, readConfig, type Command } from './command.ts';
import { findRunning, ownFacts, startDetached, stopProcess, systemctl, waitHealthy, type RunningStudio } from './running-studio.ts';
import { UNIT } from './service-files.ts';

/** A first start of a version unpacks it and migrates. */
const READY_MS = 600_000;

export const stop: Command = async (args) => {
  const { values } = readArguments(args, { service: { type: 'string' } });
  const { config } = await readConfig(values.config);
  const unit = values.service ?? UNIT;
  const running = findRunning(config.workspacePath, unit);
  if (running === undefined) {
    print(`Studio does not run on ${config.workspacePath}.`);
    return 0;
  }
  await end(running, unit);
  print(`Studio (pid ${running.process.pid}) has stopped. Running jobs go on, and the next start finds them.`);
  return 0;
};

export const restart: Command = async (args) => {
  const { values } = readArguments(args, { service: { type: 'string' } });
  const { config } = await readConfig(values.config);
  const unit = values.service ?? UNIT;
  const running = findRunning(config.workspacePath, unit);
  const at = { host: config.host, port: running?.port ?? config.port };
  if (running?.isSystemd === true) {
    ask('restart', unit);
    await waitHealthy(at, () => true, READY_MS);
  } else {
    if (running !== undefined) await end(running, unit);
    const started = await startDetached(running?.facts ?? ownFacts(), config);
    await waitHealthy(at, () => isAlive(started), READY_MS);
  }
  print(`Studio ${running === undefined ? 'runs' : 'runs again'} on port ${at.port}.`);
  return 0;
};

async function end(running: RunningStudio, unit: string): Promise<void> {
  // systemd would start it again.
  if (running.isSystemd) ask('stop', unit);
  else await stopProcess(running.process);
}

function ask(verb: 'stop' | 'restart', unit: string): void {
  const asked = systemctl(verb, unit);
  if (asked.status !== 0) throw new Error(`systemctl ${verb} ${unit} failed: ${asked.output.trim()}`);
}
