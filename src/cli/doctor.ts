/** `studio doctor`: what could go wrong here, each with its remedy; with --url what stands between people and a Studio; with --checklist what an operator goes
 *  through. Exit status 1 when something will fail. */
import { existsSync } from 'node:fs';
import { claimPath } from '../identity/first-admin.ts';
import { checklistOf, type ChecklistItem } from '../ops/checklist.ts';
import { examine, type Finding } from '../ops/doctor.ts';
import { examineUrl } from '../ops/doctor-url.ts';
import type { Config } from '../config/schema.ts';
import { findHolder } from '../supervise/lock.ts';
import { projectRoot } from '../supervise/project-root.ts';
import { readLocal } from './api-door.ts';
import { print, printJson, readArguments, readConfig, type Command } from './command.ts';

const MARKS = { ok: 'ok     ', warning: 'warning', failure: 'FAILURE' } as const;

export const doctor: Command = async (args) => {
  const { values } = readArguments(args, { json: { type: 'boolean' }, url: { type: 'string' }, checklist: { type: 'boolean' } });
  if (values.checklist === true) return tellChecklist(values.config, values.json === true);
  const { findings, notices } = values.url === undefined ? await examineHere(values.config) : { findings: await examineUrl(values.url), notices: [] };
  if (values.json === true) printJson({ findings, notices });
  else {
    for (const { name, verdict, about, remedy, help } of findings)
      print(
        [`${MARKS[verdict]}  ${name}: ${about}`, remedy, help === undefined ? undefined : `More: ${help}`]
          .filter((line) => line !== undefined)
          .join('\n         '),
      );
    for (const notice of notices) print(`note     ${notice}`);
  }
  return findings.some(({ verdict }) => verdict === 'failure') ? 1 : 0;
};

async function examineHere(filePath: string | undefined): Promise<{ readonly findings: readonly Finding[]; readonly notices: readonly string[] }> {
  const { config, notices } = await readConfig(filePath);
  return { findings: await examine(config, projectRoot()), notices };
}

const PHASES = { before: 'Before', start: 'Start', after: 'Afterwards' } as const;
const STATES = { done: '[x]', open: '[ ]', ask: '[?]' } as const;

async function tellChecklist(filePath: string | undefined, isJson: boolean): Promise<number> {
  const loaded = await readConfig(filePath);
  const { config } = loaded;
  const isRunning = findHolder(config.workspacePath) !== undefined;
  const healthy = isRunning ? await readLocal(loaded, '/api/v1/infrastructure/health/full').catch(() => undefined) : undefined;
  const items = checklistOf({
    ...{ config, isRunning, findings: await examine(config, projectRoot()) },
    isHealthy: healthy === undefined ? null : healthy.status === 200,
    isClaimed: isRunning && !existsSync(claimPath(config.workspacePath)),
    backup: await newestBackup(config),
  });
  if (isJson) printJson({ items });
  else for (const phase of Object.keys(PHASES) as ChecklistItem['phase'][]) tellPhase(phase, items);
  return items.some(({ state }) => state === 'open') ? 1 : 0;
}

function tellPhase(phase: ChecklistItem['phase'], items: readonly ChecklistItem[]): void {
  print(`${PHASES[phase]}`);
  for (const { name, state, about } of items.filter((item) => item.phase === phase)) print(`  ${STATES[state]} ${name}: ${about}`);
}

/** Null where there is none, or its place does not answer. */
async function newestBackup(config: Config): Promise<{ readonly at: string; readonly isProved: boolean } | null> {
  const [{ createCatalogue, describe }, { openPlace }] = await Promise.all([import('../backup/catalogue.ts'), import('../backup/open-place.ts')]);
  const list = await createCatalogue(openPlace(config))
    .list()
    .catch(() => []);
  const newest = list.map(describe).find((item) => item.status !== 'damaged');
  return newest === undefined ? null : { at: newest.createdAt, isProved: newest.proof?.ok === true };
}
