/** Which builds of llama.cpp are here: the one for processors comes with Studio, those for graphics cards are packages that a person adds
 *  (`scripts/studio models add-cuda`): hundreds of megabytes that most machines have no use for. Looks at files only. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface LlamaPack {
  /** False: none, which tests take for one. */
  readonly gpu: 'cuda' | 'vulkan' | false;
  /** With node_modules in it; undefined: beside Studio's own packages. */
  readonly folder: string | undefined;
}

/** Where added packages lie in a workspace. */
export function packFolder(workspacePath: string): string {
  return join(workspacePath, 'engines', 'llama');
}

/** The best build for graphics cards that is there; undefined: models run on processors alone. */
export function findLlamaPack(workspacePath: string): LlamaPack | undefined {
  const added = packFolder(workspacePath);
  for (const gpu of ['cuda', 'vulkan'] as const) {
    const name = `@node-llama-cpp/linux-${process.arch}-${gpu}`;
    if (existsSync(join(added, 'node_modules', name, 'package.json'))) return { gpu, folder: added };
    if (isBeside(name)) return { gpu, folder: undefined };
  }
  return undefined;
}

function isBeside(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false; // Not installed.
  }
}
