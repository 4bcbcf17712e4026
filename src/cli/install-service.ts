/** `studio install-service`: a user, a folder, the executable in /opt/studio and a hardened systemd unit, then the start. Does nothing twice; takes over
 *  what an earlier one wrote. Never changes a workspace of somebody else. */
import { spawnSync } from 'node:child_process';
import { chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync, chmodSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SYSTEMD_NOTIFY } from '../supervise/systemd.ts';
import { print, readArguments, type Command } from './command.ts';
import { systemctl } from './running-studio.ts';
import { findUser, serviceFiles, UNIT, within, type ServiceFiles } from './service-files.ts';
import { commandOf, unitOf, type UnitOptions } from './service-unit.ts';

const OPTIONS = {
  user: { type: 'string', default: 'studio' },
  workspace: { type: 'string', default: '/var/lib/studio' },
  port: { type: 'string', default: '8000' },
  'memory-max': { type: 'string' },
  'cpu-quota': { type: 'string' },
  root: { type: 'string', default: '/' },
  print: { type: 'boolean' },
  'no-start': { type: 'boolean' },
} as const;

export const installService: Command = async (args) => {
  const { values } = readArguments(args, OPTIONS);
  const port = Number(values.port);
  if (!/^[a-z_][a-z0-9_-]{0,30}$/.test(values.user)) throw new Error(`"${values.user}" is no name of a user: small letters, digits, - and _.`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`--port ${values.port} is no port: 1 to 65535.`);
  const files = serviceFiles(values.root);
  const unit: UnitOptions = {
    user: values.user,
    executable: within(values.root, files.executable),
    workspacePath: values.workspace,
    port,
    envFile: within(values.root, files.envFile),
    hasNotify: existsSync(join(values.root, SYSTEMD_NOTIFY)),
    memoryMax: values['memory-max'],
    cpuQuota: values['cpu-quota'],
  };
  const text = unitOf(unit);
  if (values.print === true) {
    process.stdout.write(text);
    return 0;
  }
  if (process.getuid?.() !== 0) throw new Error('install-service writes to /etc and /opt: run it as root (sudo), or look at what it writes with --print.');
  installExecutable(files);
  const account = ensureUser(values.user, values.workspace);
  ensureWorkspace(values.workspace, account, values.user);
  putFile(files.unit, text, 0o644);
  putFile(files.command, commandOf(unit), 0o755);
  if (!existsSync(files.envFile)) putFile(files.envFile, '# Variables of Studio, one NAME=value a line; then: systemctl restart studio\n', 0o600);
  print(`unit       ${files.unit}\nexecutable ${files.executable}\nsettings   ${files.envFile}\nworkspace  ${values.workspace}, of user ${values.user}`);
  verifyUnit(files.unit);
  return values['no-start'] === true ? 0 : startService(port);
};

function startService(port: number): number {
  for (const words of [['daemon-reload'], ['enable', UNIT], ['restart', UNIT]]) {
    const asked = systemctl(...words);
    if (asked.status === 127) throw new Error('there is no systemctl here: the files are written; start Studio with the init system that this machine has.');
    if (asked.status !== 0) throw new Error(`systemctl ${words.join(' ')} failed: ${asked.output.trim()}`);
  }
  print(`started    http://localhost:${port} in a moment; the claim link: studio claim. Its log: journalctl -u studio -f`);
  return 0;
}

function installExecutable({ executable }: ServiceFiles): void {
  const own = process.env['STUDIO_EXECUTABLE'];
  if (own === undefined) throw new Error('install-service installs the single executable (npm run build -- --single makes dist/studio): run it with that.');
  if (existsSync(executable) && statSync(own).ino === statSync(executable).ino) return;
  mkdirSync(dirname(executable), { recursive: true, mode: 0o755 });
  const fresh = `${executable}.new`;
  copyFileSync(own, fresh);
  chmodSync(fresh, 0o755);
  renameSync(fresh, executable);
}

function ensureUser(name: string, home: string): { readonly uid: number; readonly gid: number } {
  const known = findUser(name);
  if (known !== undefined) return known;
  const ended = spawnSync(
    'useradd',
    ['--system', '--user-group', '--no-create-home', '--home-dir', home, '--shell', '/usr/sbin/nologin', '--comment', 'Studio service', name],
    {
      encoding: 'utf8',
    },
  );
  const made = findUser(name);
  if (made === undefined) throw new Error(`the user ${name} could not be made: ${ended.error?.message ?? ended.stderr.trim()}. Make it, and run this again.`);
  return made;
}

function ensureWorkspace(path: string, account: { readonly uid: number; readonly gid: number }, user: string): void {
  if (!existsSync(path)) {
    mkdirSync(path, { recursive: true });
    chownSync(path, account.uid, account.gid);
    chmodSync(path, 0o750);
  }
  const { uid } = statSync(path);
  if (uid !== account.uid)
    throw new Error(`${path} belongs to user ${uid}, not to ${user}: name its owner with --user, or give it over with chown -R ${user}: ${path}`);
}

function putFile(path: string, text: string, mode: number): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, text, { mode });
  chmodSync(`${path}.new`, mode);
  renameSync(`${path}.new`, path);
}

/** What systemd would say of it, said now. */
function verifyUnit(path: string): void {
  const ended = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8', timeout: 60_000 });
  const lines = (ended.stderr ?? '').split('\n').filter((line) => line.includes(UNIT));
  for (const line of lines) print(`systemd    ${line}`);
}
