/** The workspace's .env: what is not set is generated once and kept here, mode 0600. No API can reach it.
 *  Lines that are there are changed for `studio config set` alone; the file is replaced whole or not at all. */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';

export function envFilePath(workspacePath: string): string {
  return join(workspacePath, '.env');
}

/** @returns its variables; none when there is no file  @throws Error when it is there and can't be read */
export function readEnvFile(workspacePath: string): Readonly<Record<string, string>> {
  try {
    return parseEnv(readFileSync(envFilePath(workspacePath), 'utf8')) as Record<string, string>;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return {};
    throw error;
  }
}

/** Adds `values`, each under a line that says what it is for. */
export function appendEnvFile(workspacePath: string, values: readonly { readonly name: string; readonly value: string; readonly about: string }[]): void {
  if (values.length === 0) return;
  const path = envFilePath(workspacePath);
  const before = readText(path);
  const head =
    before === ''
      ? '# Made by Studio at its first start. Keep it with the workspace and let nobody read it.\n'
      : before.endsWith('\n')
        ? before
        : `${before}\n`;
  const text = head + values.map(({ name, value, about }) => `# ${about}\n${name}=${value}\n`).join('');
  writeWhole(path, text);
}

/** Changes the line of one variable, or adds it; undefined takes its lines away. @throws Error for a value that such a file can't hold */
export function setEnvValue(workspacePath: string, name: string, value: string | undefined): void {
  const path = envFilePath(workspacePath);
  const line = value === undefined ? undefined : `${name}=${quoted(name, value)}`;
  const kept: string[] = [];
  let isSet = false;
  for (const present of readText(path).split('\n')) {
    if (new RegExp(`^\\s*(export\\s+)?${name}\\s*=`).test(present)) {
      if (line !== undefined && !isSet) kept.push(line);
      isSet = true;
    } else kept.push(present);
  }
  if (kept.at(-1) === '') kept.pop();
  if (line !== undefined && !isSet) kept.push(line);
  writeWhole(path, `${kept.join('\n')}\n`);
}

/** As the reader takes it back. */
function quoted(name: string, value: string): string {
  for (const text of [value, ...["'", '"', '`'].map((mark) => `${mark}${value}${mark}`)])
    if (!text.includes('\n') && parseEnv(`${name}=${text}`)[name] === value) return text;
  throw new Error(`the value of ${name} can't stand in a line of .env: it has a line break, or all kinds of quotes.`);
}

function writeWhole(path: string, text: string): void {
  const fresh = `${path}.${process.pid}`;
  const file = openSync(fresh, 'w', 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  renameSync(fresh, path);
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** 256 bits as 64 hex digits: what `openssl rand -hex 32` gives. */
export function generateSecret(): string {
  return randomBytes(32).toString('hex');
}

/** The file as it stands; '' when there is none. */
export function readEnvText(workspacePath: string): string {
  return readText(envFilePath(workspacePath));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
