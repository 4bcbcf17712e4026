/** `studio wizard`: asks what a new workspace needs, one question at a time, each with an answer that is good enough; writes the workspace's .env. Changes
 *  nothing that was not answered. */
import { createInterface } from 'node:readline/promises';
import { readEnvFile, setEnvValue } from '../config/env-file.ts';
import { keys, type KeyName, type KeySpec } from '../config/schema.ts';
import { messageOf } from '../kernel/fail.ts';
import { findHolder } from '../supervise/lock.ts';
import { print, readArguments, readConfig, type Command } from './command.ts';

interface Question {
  readonly key: KeyName;
  readonly ask: string;
}

/** What most machines differ in; the rest has `studio config explain`. */
const QUESTIONS: readonly Question[] = [
  { key: 'port', ask: 'On which port shall it answer?' },
  { key: 'host', ask: 'On which address? 0.0.0.0 is all of them, 127.0.0.1 this machine alone' },
  { key: 'env', ask: 'Is it for production (weak secrets are refused then)? development or production' },
  { key: 'databaseUrl', ask: 'A PostgreSQL elsewhere (postgresql://user:password@host/name)? Empty: Studio brings one' },
  { key: 'proxyFixEnabled', ask: 'Does a proxy stand in front of it (nginx, Caddy, Traefik, a tunnel)? true or false' },
  { key: 'cloudflareTunnelToken', ask: 'The token of a Cloudflare tunnel? Empty: none' },
  { key: 'smtpUrl', ask: 'A mail server for notifications (smtps://user:password@host)? Empty: none' },
  { key: 'backupTarget', ask: 'Where shall backups lie, a folder on another disk or s3://bucket/prefix? Empty: in the workspace' },
];

export const wizard: Command = async (args) => {
  const { values } = readArguments(args, {});
  const { config } = await readConfig(values.config);
  const { workspacePath } = config;
  print(`Workspace: ${workspacePath} (WORKSPACE_PATH). Return keeps what stands in brackets.\n`);
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const answers: [name: string, value: string][] = [];
  // One iterator for all questions: lines that are piped in come at once.
  const given = lines[Symbol.asyncIterator]();
  try {
    for (const { key, ask } of QUESTIONS) {
      const spec: KeySpec = keys[key];
      const answer = await answerTo({ spec, ask, present: readEnvFile(workspacePath)[spec.env[0]], next: async () => (await given.next()).value }); // Serial: a talk.
      if (answer !== undefined) answers.push([spec.env[0], answer]);
    }
  } finally {
    lines.close();
  }
  for (const [name, value] of answers) setEnvValue(workspacePath, name, value);
  print(answers.length === 0 ? '\nNothing was changed.' : `\nWritten to ${workspacePath}/.env: ${answers.map(([name]) => name).join(', ')}.`);
  print(findHolder(workspacePath) === undefined ? 'Next: studio start' : 'Next: studio restart');
  return 0;
};

interface Asking {
  readonly spec: KeySpec;
  readonly ask: string;
  readonly present: string | undefined;
  readonly next: () => Promise<string | undefined>;
}

/** Asks until the answer can be used. @returns undefined when nothing is to change */
async function answerTo({ spec, ask, present, next }: Asking): Promise<string | undefined> {
  const shown =
    present === undefined ? (spec.fallbackText ?? (spec.fallback === undefined ? '' : String(spec.fallback))) : spec.isSecret === true ? 'set' : present;
  for (;;) {
    process.stdout.write(`${ask}${shown === '' ? '' : ` [${shown}]`}: `);
    const answer = (await next())?.trim(); // Serial: a talk.
    if (answer === undefined || answer === '' || answer === present) return undefined;
    try {
      spec.kind.parse(answer);
      return answer;
    } catch (error) {
      print(`  ${messageOf(error)}.`);
    }
  }
}
