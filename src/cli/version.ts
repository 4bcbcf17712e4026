/** `studio version`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../supervise/project-root.ts';
import { locatePostgres } from '../supervise/postgres-binaries.ts';
import { print, printJson, readArguments, type Command } from './command.ts';

export const version: Command = async (args) => {
  const { values } = readArguments(args, { json: { type: 'boolean' } });
  const studio = (JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string }).version;
  const versions = { studio, node: process.versions.node, postgresql: locatePostgres(undefined).version };
  if (values.json === true) printJson(versions);
  else print(`studio ${versions.studio}\nnode ${versions.node}\npostgresql ${versions.postgresql}`);
  return 0;
};
