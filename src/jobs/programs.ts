/** Finds the program that a name stands for, as the PATH of jobs has it. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';

/** @param folder what a relative path is relative to  @param path folders, colon between them  @returns undefined when there is no such program */
export async function findProgram(name: string, folder: string, path: string): Promise<string | undefined> {
  if (name === '' || name.includes('\0')) return undefined;
  const candidates = name.includes('/') ? [isAbsolute(name) ? name : join(folder, name)] : path.split(':').map((one) => join(one, name));
  for (const candidate of candidates) {
    // Serial: the first in the order of PATH is the one.
    if (await isProgram(candidate)) return candidate;
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
