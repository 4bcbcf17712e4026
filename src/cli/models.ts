/** `studio models`: adds the builds of llama.cpp for graphics cards, which Studio leaves out because most machines have no use for them. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findLlamaPack, packFolder } from '../models/llama-packs.ts';
import { projectRoot } from '../supervise/project-root.ts';
import { print, readArguments, readConfig, wrongVerb, type Command } from './command.ts';

/** The second holds the libraries of CUDA that older drivers lack. */
const PACKS: Readonly<Record<string, readonly string[]>> = { 'add-cuda': ['cuda', 'cuda-ext'], 'add-vulkan': ['vulkan'] };

export const models: Command = async (args) => {
  const { values, positionals } = readArguments(args, {});
  const [action = ''] = positionals;
  const names = PACKS[action];
  if (names === undefined) throw wrongVerb('models', positionals[0]);
  const { config } = await readConfig(values.config);
  const folder = packFolder(config.workspacePath);
  const packages = names.map((name) => `@node-llama-cpp/linux-${process.arch}-${name}@${libraryVersion()}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  print(`installing ${packages.join(' and ')} into ${folder} …`);
  const ended = spawnSync('npm', ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', ...packages], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (ended.status !== 0) {
    process.stderr.write(`studio models: npm ended with ${ended.status ?? ended.error?.message ?? ended.signal}; see its lines above.\n`);
    return 1;
  }
  print(
    `models that are loaded from now on use ${findLlamaPack(config.workspacePath)?.gpu ?? 'the processor alone'}; those that are loaded: unload them once.`,
  );
  return 0;
};

/** The builds have to be of the very version of the library. */
function libraryVersion(): string {
  const path = join(projectRoot(), 'node_modules/node-llama-cpp/package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
