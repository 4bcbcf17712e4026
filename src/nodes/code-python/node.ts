/** code.python: Python as a job on a queue, in a virtual environment of its own where it names requirements. Never in this process. */
import * as z from 'zod';
import { commandSpec } from '../../contract/command.ts';
import { asField, defineJobNode, inPort, namesInScope, outPort } from '../kit.ts';
import { environment, exitFailure, fileProblems, toEnvironment } from '../kit-process.ts';
import { MODULE, RUNNER } from './runner.ts';

const params = commandSpec.pick({ files: true, requirements: true, python: true }).extend({
  source: z
    .string()
    .min(1)
    .max(262_144)
    .describe('Python: input and steps are in scope; main(input, steps) or the variable output gives the output')
    .meta(asField({ control: 'code', language: 'python' })),
  env: environment.optional(),
});

export const codePython = defineJobNode({
  type: 'code.python',
  version: 1,
  title: 'Python',
  summary: 'Runs Python as a job, with the packages it asks for.',
  category: 'code',
  inputs: inPort,
  outputs: outPort,
  params,
  rawParams: ['source'],
  example: {
    source: 'import studio\n\ndef main(input, steps):\n    studio.progress(0.5)\n    return {"total": sum(input["prices"])}\n',
  },
  docs: `\`source\` is Python. In scope: \`input\` (the instance's), \`steps["key"]["output"]\`, inside bodies \`item\` and \`index\`. A function \`main(input, steps)\` (or \`main(input)\`, or \`main()\`) is called and what it returns is the output; without one, the variable \`output\` is; without both it is null. It has to be JSON.

\`requirements\` is the text of a requirements or lock file: the step runs in a virtual environment that holds it, made once for the same text and kept on the local disk. Making it is shown in the log. \`python\` names another interpreter for it (default \`python3\`).

\`files\` puts files into the working folder: name there → path under Files, \`{ "url", "sha256" }\`, \`{ "text" }\` or \`{ "base64" }\`; Python modules among them can be imported. \`env\` adds variables; secrets belong there.

\`import studio\` gives \`studio.progress(0.4)\`, \`studio.metric(step=10, loss=0.52)\`, and the folders \`studio.artifacts\` (what lies there is kept) and \`studio.checkpoint\` (kept for the next attempt).

What is printed is in the log; artifacts are listed with the step's job. \`{{ }}\` is not evaluated in \`source\`. Needs the role super_admin to publish and to run.

Errors: \`exit_code\` (an exception; the traceback is in the log), \`timeout\`, \`bad_result\`, \`python_missing\`, \`venv_failed\`, \`requirements_failed\`, \`file_missing\`, \`download_failed\`, \`hash_mismatch\`, \`killed\`, \`oom\`.`,
  check: (node) => fileProblems(node.params?.['files']),
  requires: 'super_admin',
  runs: 'job',
  queue: 'studio',
  toCommand({ source, files = {}, env, requirements, python }, scope) {
    return {
      // In an environment, python3 is its own.
      command: [requirements === undefined ? (python ?? 'python3') : 'python3', '.studio/run.py'],
      files: {
        ...files,
        '.studio/run.py': { text: RUNNER },
        '.studio/studio.py': { text: MODULE },
        '.studio/main.py': { text: source },
        '.studio/scope.json': { text: JSON.stringify(namesInScope(scope)) },
      },
      ...(env === undefined ? {} : { env: toEnvironment(env) }),
      ...(requirements === undefined ? {} : { requirements, ...(python === undefined ? {} : { python }) }),
    };
  },
  toOutput(_values, ended) {
    if (ended.exitCode !== 0) throw exitFailure('the code', ended);
    return { kind: 'output', output: ended.result ?? null };
  },
});
