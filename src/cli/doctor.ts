/** `studio doctor`: what could go wrong here, each with its remedy. Exit status 1 when something will. */
import { examine } from '../ops/doctor.ts';
import { projectRoot } from '../supervise/project-root.ts';
import { print, printJson, readArguments, readConfig, type Command } from './command.ts';

const MARKS = { ok: 'ok     ', warning: 'warning', failure: 'FAILURE' } as const;

export const doctor: Command = async (args) => {
  const { values } = readArguments(args, { json: { type: 'boolean' } });
  const { config, notices } = await readConfig(values.config);
  const findings = await examine(config, projectRoot());
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
