/** `studio reload`: the running Studio reads its configuration again, and tells what took effect and what needs a restart. Exit status 1 when it can't be used:
 *  then nothing has changed. */
import { readFileSync } from 'node:fs';
import type { Reload } from '../config/live.ts';
import { sendSignal } from '../kernel/child.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { reloadPath } from '../ops/reload.ts';
import { print, printJson, readArguments, readConfig, type Command } from './command.ts';
import { findRunning } from './running-studio.ts';
import { UNIT } from './service-files.ts';

const ANSWER_MS = 30_000;
const LOOK_MS = 50;

export const reload: Command = async (args) => {
  const { values } = readArguments(args, { json: { type: 'boolean' } });
  const { config } = await readConfig(values.config);
  const running = findRunning(config.workspacePath, UNIT);
  if (running === undefined) throw new Error(`no Studio runs on ${config.workspacePath}; a start reads the configuration.`);
  const path = reloadPath(config.workspacePath);
  const before = read(path)?.at;
  if (!sendSignal(running.process, 'SIGHUP'))
    throw new Error(`Studio (pid ${running.process.pid}) is not this user's to reload: run this as its user, or as root.`);
  const done = await untilOther(path, before);
  if (values.json === true) printJson(done);
  else tell(done);
  return done.faults.length === 0 ? 0 : 1;
};

async function untilOther(path: string, before: string | undefined): Promise<Reload> {
  const deadline = clock.monotonic() + ANSWER_MS;
  for (;;) {
    const found = read(path);
    if (found !== undefined && found.at !== before) return found;
    if (clock.monotonic() > deadline) throw new Error(`Studio did not answer within ${ANSWER_MS / 1_000} s; studio logs says what it does.`);
    await clock.sleep(LOOK_MS); // Serial: this is a watch.
  }
}

function read(path: string): Reload | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Reload;
  } catch {
    // Not there yet.
    return undefined;
  }
}

function tell({ applied, needsRestart, faults }: Reload): void {
  for (const fault of faults) print(`refused        ${fault}`);
  if (faults.length > 0) return print('Nothing was changed.');
  for (const name of applied) print(`in effect      ${name}`);
  for (const name of needsRestart) print(`needs restart  ${name}`);
  if (applied.length + needsRestart.length === 0)
    print('Nothing has changed. Variables of the process itself stay as they were at its start: only files are read again.');
}
