/** code.python: Python as a job on a queue, in a virtual environment of its own where it names requirements. Never in this process. */
import * as z from 'zod';
import { json } from '../../contract/endpoint.ts';
import { commandSpec } from '../../contract/jobs.ts';
import { defineJobNode, inPort, outPort } from '../kit.ts';
import { environment, exitFailure, fileProblems, toEnvironment } from '../kit-process.ts';
import { MODULE, RUNNER } from './runner.ts';

const params = commandSpec.pick({ files: true, requirements: true, python: true }).extend({
  source: z.string().min(1).max(262_144).describe('Python: "input" is given; main(input) or "result" gives the output'),
  input: json.optional(),
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
    source: 'import studio\n\ndef main(input):\n    studio.progress(0.5)\n    return {"total": sum(input["prices"])}\n',
    input: { prices: [1, 2, 3] },
  },
  docs: `\`source\` is Python. \`input\` is in scope: the value of the param \`input\` (write \`{{ input }}\` for the instance's own). A function \`main(input)\` is called and what it returns is the result; without one, the variable \`result\` is. It has to be JSON.

\`requirements\` is the text of a requirements or lock file: the step runs in a virtual environment that holds it, made once for the same text and kept on the local disk. Making it is shown in the log. \`python\` names another interpreter for it (default \`python3\`).

\`files\` puts files into the working folder: name there → path under Files, \`{ "url", "sha256" }\`, \`{ "text" }\` or \`{ "base64" }\`; Python modules among them can be imported. \`env\` adds variables; secrets belong there.

\`import studio\` gives \`studio.progress(0.4)\`, \`studio.metric(step=10, loss=0.52)\`, and the folders \`studio.artifacts\` (what lies there is kept) and \`studio.checkpoint\` (kept for the next attempt).

Output: \`{ result, stdout, stderr, artifacts }\`; of both streams the last 64 KiB, the whole is in the log. \`{{ }}\` is not evaluated in \`source\`. Needs the role super_admin to publish and to run.

Errors: \`exit_code\` (an exception; the traceback is in the log), \`timeout\`, \`bad_result\`, \`python_missing\`, \`venv_failed\`, \`requirements_failed\`, \`file_missing\`, \`download_failed\`, \`hash_mismatch\`, \`killed\`, \`oom\`.`,
  check: (node) => fileProblems(node.params?.['files']),
  requires: 'super_admin',
  runs: 'job',
  queue: 'studio',
  toCommand({ source, input = null, files = {}, env, requirements, python }) {
    return {
      // In an environment, python3 is its own.
      command: [requirements === undefined ? (python ?? 'python3') : 'python3', '.studio/run.py'],
      files: {
        ...files,
        '.studio/run.py': { text: RUNNER },
        '.studio/studio.py': { text: MODULE },
        '.studio/main.py': { text: source },
        '.studio/input.json': { text: JSON.stringify(input) },
      },
      ...(env === undefined ? {} : { env: toEnvironment(env) }),
      ...(requirements === undefined ? {} : { requirements, ...(python === undefined ? {} : { python }) }),
    };
  },
  toOutput(_values, ended) {
    if (ended.exitCode !== 0) throw exitFailure('the code', ended);
    const { stdout, stderr, artifacts, result = null } = ended;
    return { kind: 'output', output: { result, stdout, stderr, artifacts: artifacts.map((artifact) => ({ ...artifact })) } };
  },
});
