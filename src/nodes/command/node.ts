/** command: a program or a script as a job on a queue. The process itself is jobs/'s; this says which one, and reads what it left. */
import { commandSpec } from '../../contract/command.ts';
import { asField, defineJobNode, inPort, outPort } from '../kit.ts';
import { environment, exitFailure, fileProblems, toEnvironment } from '../kit-process.ts';

const { shape } = commandSpec;
const params = commandSpec
  .extend({
    env: environment.optional(),
    script: shape.script.describe('In place of a command; pass values in env, never in here').meta(asField({ control: 'long' })),
    stdin: shape.stdin.meta(asField({ control: 'long', rare: true })),
    requirements: shape.requirements.describe('Packages of Python, as a requirements file names them').meta(asField({ control: 'long', rare: true })),
    python: shape.python.meta(asField({ rare: true })),
  })
  .refine((value) => (value.command === undefined) !== (value.script === undefined), {
    message: 'needs exactly one of "command" (program and arguments) and "script"',
  });

export const command = defineJobNode({
  type: 'command',
  version: 1,
  title: 'Command',
  summary: 'Runs a program or a shell script as a job.',
  category: 'machine',
  inputs: inPort,
  outputs: outPort,
  params,
  example: { script: 'sort -k2 -n data.txt | tail -n 3 > "$STUDIO_ARTIFACTS/top.txt"', files: { 'data.txt': 'samples/data.txt' } },
  docs: `\`command\` is a program with its arguments, started as it is; \`script\` runs in \`shell\` (default \`/bin/sh\`). Exactly one of them.

\`files\` puts files into the working folder: name there → path under Files, \`{ "url", "sha256" }\` (fetched, its hash checked), \`{ "text" }\` or \`{ "base64" }\`. \`env\` adds variables, \`stdin\` is fed to the process. With \`requirements\` (the text of a requirements or lock file) it runs in a virtual environment of Python that holds them, made once and kept on the local disk; \`python\` names another interpreter for it. \`parse\` makes \`result\` of the standard output: \`json\`, \`lines\` or \`none\`; what the process wrote to \`$STUDIO_RESULT\` (JSON), or printed as \`::result {…}::\` on a line of its own, counts before it.

Progress and curves: lines in \`$STUDIO_PROGRESS\` (\`0.4\`, \`40%\`, \`{"progress": 0.4, "loss": 0.5, "step": 10}\`), or printed lines \`::progress 0.4::\` and \`::metric loss=0.5 step=10::\`.

What the process leaves in \`$STUDIO_ARTIFACTS\` is kept as artifacts, what it leaves in \`$STUDIO_CHECKPOINT\` for its next attempt. Output: \`{ exitCode, stdout, stderr, artifacts, result? }\`; of both streams the last 64 KiB, the whole is in the log.

Values never become part of a script by themselves: pass them as arguments or in \`env\`. Needs the role super_admin to publish and to run.

Errors: \`exit_code\` (not 0), \`timeout\`, \`bad_result\` (what is to be parsed is no JSON, or more than 1 MiB), \`command_not_found\`, \`file_missing\`, \`download_failed\`, \`hash_mismatch\`, \`python_missing\`, \`venv_failed\`, \`requirements_failed\`, \`killed\`, \`oom\`.`,
  check: (node) => fileProblems(node.params?.['files']),
  requires: 'super_admin',
  runs: 'job',
  queue: 'studio',
  toCommand({ env: set, ...rest }) {
    return set === undefined ? rest : { ...rest, env: toEnvironment(set) };
  },
  toOutput(_values, ended) {
    if (ended.exitCode !== 0) throw exitFailure('the command', ended);
    const { exitCode, stdout, stderr, artifacts, result } = ended;
    return {
      kind: 'output',
      output: { exitCode, stdout, stderr, artifacts: artifacts.map((artifact) => ({ ...artifact })), ...(result === undefined ? {} : { result }) },
    };
  },
});
