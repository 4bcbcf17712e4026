/** Definitions of services in files: `<workspace>/services/*.yaml`, `*.yml`, `*.json` (one definition, or a list of them) and `services` of the configuration.
 *  Reads only. A file that can't be read is an entry with its fault, never a failed start. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { messageOf } from '../kernel/fail.ts';
import type { BrokenService, FileEntry } from './definition.ts';

export interface FileDefinitions {
  readonly entries: readonly FileEntry[];
  readonly broken: readonly BrokenService[];
  /** Changes with any of the files. */
  readonly stamp: string;
}

/** A definition is a few hundred bytes: more is no definition. */
const MAX_BYTES = 1_048_576;
const MAX_FILES = 500;

/** @param configured what the configuration lists */
export async function readDefinitionFiles(folder: string, configured: readonly unknown[]): Promise<FileDefinitions> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name)).toSorted();
  const entries: FileEntry[] = configured.map((value) => ({ file: 'configuration', value, name: null }));
  const broken: BrokenService[] = [];
  const stamps: string[] = [];
  // Serial: few, small, and often on one slow volume.
  for (const name of names.slice(0, MAX_FILES)) {
    const path = join(folder, name);
    try {
      const { mtimeMs, size } = await stat(path);
      stamps.push(`${name} ${mtimeMs} ${size}`);
      if (size > MAX_BYTES) throw new Error(`it has ${size} bytes; a definition has ${MAX_BYTES} at most`);
      const text = await readFile(path, 'utf8');
      const content: unknown = name.endsWith('.json') ? JSON.parse(text) : (await import('./definition-yaml.ts')).parseYaml(text);
      if (Array.isArray(content)) entries.push(...content.map((value: unknown) => ({ file: path, value, name: null })));
      else entries.push({ file: path, value: content, name: parse(name).name });
    } catch (error) {
      broken.push({ name: parse(name).name.slice(0, 64), file: path, fault: messageOf(error) });
    }
  }
  return { entries, broken, stamp: stamps.join('\n') };
}
