/** `studio upgrade FILE`: backup, switch of the executable, restart, smoke test; and all the way back when one of them fails: by the migrations' own way
 *  down, or, where they have none or it would lose data, from the backup. Jobs go on through it.
 *  One thing to know: until the smoke test has passed the old executable lies beside the new one as `.old`, and nothing is lost that a rename brings back. */
import { copyFileSync, existsSync, linkSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { runToEnd } from '../kernel/child.ts';
import { messageOf } from '../kernel/fail.ts';
import { identify, isAlive, type ProcessIdentity } from '../kernel/process-identity.ts';
import { findHolder } from '../supervise/lock.ts';
import { ownProgram } from '../supervise/own-program.ts';
import { print, readArguments, readConfig, type Command } from './command.ts';
import { findRunning, ownFacts, startDetached, stopProcess, systemctl, waitHealthy, type RunningStudio, type StartFacts } from './running-studio.ts';
import { requireStepForward, takeFile } from './upgrade-file.ts';
import { readVersions, type Versions } from './version.ts';

const OPTIONS = {
  target: { type: 'string' },
  sha256: { type: 'string' },
  service: { type: 'string' },
  'allow-downgrade': { type: 'boolean' },
  'no-backup': { type: 'boolean' },
} as const;

interface Upgrade {
  readonly target: string;
  readonly unit: string;
  readonly workspacePath: string;
  readonly host: string;
  readonly port: number;
  readonly running: RunningStudio | undefined;
  readonly facts: StartFacts;
  readonly from: Versions;
  readonly to: Versions;
  /** Of the database, before. */
  readonly schema: number;
  /** The process that was started last, where systemd keeps none. */
  started?: ProcessIdentity;
  /** The backup that was made for it. */
  backup?: string;
}

/** A first start of a version unpacks it and migrates. */
const READY_MS = 600_000;
const COMMAND_MS = 3_600_000;

export const upgrade: Command = async (args) => {
  const { values, positionals } = readArguments(args, OPTIONS);
  const [file] = positionals;
  if (file === undefined) {
    process.stderr.write('studio: upgrade FILE [--sha256 HEX] [--allow-downgrade] [--no-backup] [--target EXECUTABLE] [--service UNIT]\n');
    return 2;
  }
  const { config } = await readConfig(values.config);
  const target = executableOf(values.target);
  const release = lockUpgrade(target);
  try {
    const unit = values.service ?? 'studio.service';
    const running = findRunning(config.workspacePath, unit);
    const facts = running?.facts ?? ownFacts();
    print(
      `upgrade  ${target}, workspace ${config.workspacePath}${running === undefined ? '' : `, pid ${running.process.pid}${running.isSystemd ? ` of ${unit}` : ''}`}`,
    );
    const taken = await takeFile(file, { target, sha256: values.sha256, env: facts.env });
    const from = readVersions();
    const about: Upgrade = {
      target,
      unit,
      workspacePath: config.workspacePath,
      host: config.host,
      port: running?.port ?? config.port,
      running,
      facts,
      from,
      to: taken.versions,
      schema: 0,
    };
    try {
      requireStepForward(from, taken.versions, values['allow-downgrade'] === true);
      print(`verified Studio ${from.studio} (${from.commit ?? 'no commit'}) → ${taken.versions.studio} (${taken.versions.commit ?? 'no commit'})`);
      const known: Upgrade = { ...about, schema: await readSchema(about) };
      if (values['no-backup'] === true) print('backup   left out, as asked: a migration can be undone, lost rows can not');
      else await makeBackup(known);
      return await replace(known, taken.fresh);
    } finally {
      rmSync(taken.fresh, { force: true });
    }
  } finally {
    release();
  }
};

function executableOf(named: string | undefined): string {
  const path = named ?? process.env['STUDIO_EXECUTABLE'];
  if (path === undefined)
    throw new Error('this Studio is no single executable but a checkout: upgrade it with git pull and a restart; or name the executable with --target.');
  return realpathSync(path);
}

/** One upgrade of an executable at a time; of one that was killed the mark is taken over. */
function lockUpgrade(target: string): () => void {
  const path = `${target}.upgrading`;
  const own = identify(process.pid);
  const before = existsSync(path) ? /^(\d+) (\d+)$/.exec(readFileSync(path, 'utf8')) : null;
  if (before !== null && isAlive({ pid: Number(before[1]), started: before[2] ?? '' }))
    throw new Error(`another upgrade of ${target} goes on (pid ${before[1]}).`);
  writeFileSync(path, `${process.pid} ${own?.started ?? ''}`);
  return () => rmSync(path, { force: true });
}

/** Where tables will change, of a Studio that is stopped: going back to it then loses nothing. */
async function makeBackup(about: Upgrade): Promise<void> {
  const isMigrating = about.to.schema > about.schema;
  if (isMigrating && about.running !== undefined) {
    await stop(about);
    print('stopped  until the tables are changed; running jobs go on');
  }
  try {
    const lines = await own(about, ['backup', 'create', '--no-verify', '--json']);
    const made = jsonOf(lines) as { id: string; rows: number; files: number };
    about.backup = made.id;
    print(`backup   ${made.id}: ${made.rows} rows, ${made.files} files`);
  } catch (error) {
    if (isMigrating && about.running !== undefined) await restart(about);
    throw new Error(`no backup could be made, and nothing was changed (${messageOf(error)}). Without one: --no-backup`, { cause: error });
  }
}

async function replace(about: Upgrade, fresh: string): Promise<number> {
  const old = `${about.target}.old`;
  // When it goes back, the newer tables go first, while the program that knows them is the one in place.
  if (about.to.schema < about.schema) await rollBackTables(about, about.to.schema);
  rmSync(old, { force: true });
  keep(about.target, old);
  renameSync(fresh, about.target);
  print(`switched ${about.target}; the old one is ${old}`);
  try {
    await restart(about);
    print(`started  Studio ${about.to.studio} answers on port ${about.port}`);
    for (const line of await run(about, about.target, ['smoke', '--unclaimed-ok'])) print(`smoke    ${line}`);
    if (about.running === undefined) await stop(about);
    print(`done     Studio ${about.to.studio}. To go back: studio upgrade ${old} --allow-downgrade`);
    return 0;
  } catch (error) {
    print(`FAILED   ${messageOf(error)}`);
    await goBack(about, old);
    return 1;
  }
}

function keep(target: string, old: string): void {
  try {
    linkSync(target, old);
  } catch {
    copyFileSync(target, old); // A volume without hard links.
  }
}

/** Back to the old executable and the old tables, and started as before. @throws Error naming what is left to do by hand */
async function goBack(about: Upgrade, old: string): Promise<void> {
  await stop(about);
  const fault = about.to.schema > about.schema ? await rollBackTables(about, about.schema).catch(messageOf) : undefined;
  renameSync(old, about.target);
  print(`undone   ${about.target} is Studio ${about.from.studio} again`);
  if (fault !== undefined) await restoreTables(about, fault);
  if (about.running === undefined) return;
  await restart(about);
  print(`started  Studio ${about.from.studio} answers on port ${about.port}; nothing has changed`);
}

/** By the old program: the backup is of its schema. What the new one made of the database is kept aside by the restore. */
async function restoreTables(about: Upgrade, fault: string): Promise<void> {
  print(`tables   can not be taken back: ${fault}`);
  const byHand = `Studio is stopped. By hand: studio backup list, then studio backup restore ID, then start it.`;
  if (about.backup === undefined) throw new Error(`there is no backup of before (--no-backup). ${byHand}`);
  const lines = await run(about, about.target, ['backup', 'restore', about.backup, '--database-only']).catch((error: unknown) => {
    throw new Error(`and ${about.backup} could not be restored: ${messageOf(error)}. ${byHand}`, { cause: error });
  });
  print(`tables   ${lines.find((line) => line.startsWith('Restored')) ?? `restored from ${about.backup}`}`);
}

async function rollBackTables(about: Upgrade, to: number): Promise<void> {
  if (findHolder(about.workspacePath) !== undefined) await stop(about);
  for (const line of await run(about, about.target, ['db', 'rollback', '--to', String(to)])) print(`tables   ${line}`);
}

async function restart(about: Upgrade): Promise<void> {
  const { running } = about;
  if (running?.isSystemd === true) {
    const asked = systemctl('restart', about.unit);
    if (asked.status !== 0) throw new Error(`systemctl restart ${about.unit} failed: ${asked.output.trim()}`);
    return waitHealthy(about, () => true, READY_MS);
  }
  await stop(about);
  const started = await startDetached(about.facts, about, { command: about.target, args: [] });
  about.started = started;
  return waitHealthy(about, () => isAlive(started), READY_MS);
}

/** Whoever holds the workspace, and what was started and does not hold it yet. */
async function stop(about: Upgrade): Promise<void> {
  if (about.running?.isSystemd === true) {
    systemctl('stop', about.unit);
    return;
  }
  const holder = findHolder(about.workspacePath);
  const found = holder === undefined ? undefined : identify(holder.pid);
  for (const one of [found, about.started]) if (one !== undefined && isAlive(one)) await stopProcess(one);
}

/** @returns the number of the newest migration that was applied */
async function readSchema(about: Upgrade): Promise<number> {
  return (jsonOf(await own(about, ['db', 'status', '--json'])) as { version: number }).version;
}

/** Among what a command says beside it. */
function jsonOf(lines: readonly string[]): unknown {
  return JSON.parse(lines.slice(lines.indexOf('{'), lines.lastIndexOf('}') + 1).join('\n'));
}

function own(about: Upgrade, args: readonly string[]): Promise<readonly string[]> {
  const { command, args: before } = ownProgram();
  return run(about, command, [...before, ...args]);
}

/** As the Studio runs: its user, its environment; so that it finds the same workspace and sockets. @throws Error with the last line */
async function run(about: Upgrade, command: string, args: readonly string[]): Promise<readonly string[]> {
  const { env, account } = about.facts;
  const isOther = process.getuid?.() === 0 && account.uid !== 0;
  const ended = await runToEnd({
    command,
    args,
    env: { ...env, WORKSPACE_PATH: about.workspacePath },
    timeoutMs: COMMAND_MS,
    keepLines: 1_000,
    ...(isOther ? { account } : {}),
  });
  if (ended.code !== 0) throw new Error(`${args.slice(args[0]?.endsWith('.js') === true ? 1 : 0, 3).join(' ')} failed: ${ended.lines.slice(-3).join(' | ')}`);
  return ended.lines;
}
