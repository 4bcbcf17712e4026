/** `studio uninstall`: stops the service and takes away what install-service put there. Data goes only when somebody says so, naming the workspace;
 *  and only where a workspace of Studio is. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { findHolder } from '../supervise/lock.ts';
import { print, readArguments, type Command } from './command.ts';
import { systemctl } from './running-studio.ts';
import { serviceFiles, UNIT } from './service-files.ts';

const OPTIONS = { 'keep-data': { type: 'boolean' }, purge: { type: 'boolean' }, root: { type: 'string', default: '/' } } as const;

export const uninstall: Command = async (args) => {
  const { values } = readArguments(args, OPTIONS);
  if (values.purge === true && values['keep-data'] === true) throw new Error('--purge and --keep-data contradict each other: say one.');
  if (process.getuid?.() !== 0) throw new Error('uninstall takes files from /etc and /opt: run it as root (sudo).');
  const files = serviceFiles(values.root);
  if (!existsSync(files.unit)) throw new Error(`there is no ${files.unit}: install-service was not run here.`);
  const unit = readFileSync(files.unit, 'utf8');
  const [workspace, user] = [/^WorkingDirectory=(.+)$/m.exec(unit)?.[1] ?? '', /^User=(.+)$/m.exec(unit)?.[1] ?? ''];
  const isPurge = values['keep-data'] === true ? false : values.purge === true || (await askForData(workspace));
  if (isPurge) requireWorkspace(workspace);
  systemctl('disable', '--now', UNIT);
  const holder = findHolder(workspace);
  if (holder !== undefined) throw new Error(`Studio (pid ${holder.pid}) still holds ${workspace}: stop it, then run this again. Nothing was removed.`);
  for (const path of [files.unit, files.command]) rmSync(path, { force: true });
  rmSync(dirname(files.executable), { recursive: true, force: true });
  systemctl('daemon-reload');
  print(`removed  the service, ${dirname(files.executable)} and ${files.command}`);
  if (!isPurge) {
    print(`kept     ${workspace} and ${files.envFile}; a Studio that is started on it goes on where this one ended`);
    return 0;
  }
  rmSync(workspace, { recursive: true, force: true });
  rmSync(dirname(files.envFile), { recursive: true, force: true });
  if (values.root === '/') rmSync('/var/cache/studio', { recursive: true, force: true });
  print(`removed  ${workspace}, its settings and caches`);
  removeUser(user);
  return 0;
};

/** @throws Error where nobody can be asked */
async function askForData(workspace: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error(`what shall become of ${workspace}? Say --keep-data or --purge; nothing was changed.`);
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await asking.question(`Remove all data in ${workspace} too, for good? Type its path to remove it, press Enter to keep it: `);
  asking.close();
  if (answer.trim() === '') return false;
  if (resolve(answer.trim()) === resolve(workspace)) return true;
  throw new Error(`"${answer}" is not ${workspace}: nothing was changed.`);
}

/** A mistaken path must not cost a home folder. */
function requireWorkspace(path: string): void {
  const isOne = path.split('/').length > 2 && existsSync(join(path, '.env')) && readFileSync(join(path, '.env'), 'utf8').includes('STUDIO_WORKSPACE_ID');
  if (!isOne && existsSync(path))
    throw new Error(`${path} does not look like a workspace of Studio (its .env names none): remove it by hand, or use --keep-data.`);
}

/** Only one that install-service made. */
function removeUser(name: string): void {
  const isOurs = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .some((line) => line.startsWith(`${name}:`) && line.split(':')[4] === 'Studio service');
  if (!isOurs) return;
  const ended = spawnSync('userdel', [name], { encoding: 'utf8' });
  print(ended.status === 0 ? `removed  the user ${name}` : `kept     the user ${name}: ${ended.stderr.trim()}`);
}
