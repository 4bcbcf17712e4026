/** `studio doctor`: what could go wrong here, each with its remedy; with --url what stands between people and a Studio. Exit status 1 when something will. */
import { examine, type Finding } from '../ops/doctor.ts';
import { examineUrl } from '../ops/doctor-url.ts';
import { projectRoot } from '../supervise/project-root.ts';
import { print, printJson, readArguments, readConfig, type Command } from './command.ts';

const MARKS = { ok: 'ok     ', warning: 'warning', failure: 'FAILURE' } as const;

export const doctor: Command = async (args) => {
  const { values } = readArguments(args, { json: { type: 'boolean' }, url: { type: 'string' } });
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
