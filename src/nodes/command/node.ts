/** command: a program or a script as a job on a queue. The process itself is jobs/'s; this says which one, and reads what it left. */
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import { filePathFault } from '../../contract/files.ts';
import { commandSpec } from '../../contract/jobs.ts';
import { defineJobNode, inPort, NodeError, outPort, type JobEnded } from '../kit.ts';

/** An expression may well give a number: it reaches the process as text. */
const env = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), z.union([z.string().max(131_072), z.number(), z.boolean()])).optional();

const params = commandSpec.extend({ env }).refine((value) => (value.command === undefined) !== (value.script === undefined), {
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

\`files\` puts files of the org into the working folder: name there → path under Files. \`env\` adds variables, \`stdin\` is fed to the process. \`parse\` makes \`result\` of the standard output: \`json\`, \`lines\` or \`none\`; what the process wrote to \`$STUDIO_RESULT\` (JSON) counts before it.

What the process leaves in \`$STUDIO_ARTIFACTS\` is kept as artifacts. Output: \`{ exitCode, stdout, stderr, artifacts, result? }\`; of both streams the last 64 KiB, the whole is in the log.

Values never become part of a script by themselves: pass them as arguments or in \`env\`. Needs the role super_admin to publish and to run.

Errors: \`exit_code\` (not 0), \`timeout\`, \`bad_result\` (what is to be parsed is no JSON, or more than 1 MiB), \`command_not_found\`, \`file_missing\`, \`killed\`, \`oom\`.`,
  check: (node) => fileProblems(node.params?.['files']),
  requires: 'super_admin',
  runs: 'job',
  queue: 'studio',
  toCommand({ env: set, ...rest }) {
    return set === undefined ? rest : { ...rest, env: Object.fromEntries(Object.entries(set).map(([name, value]) => [name, String(value)])) };
  },
  toOutput(_values, ended) {
    if (ended.exitCode !== 0) throw exitFailure(ended);
    const { exitCode, stdout, stderr, artifacts, result } = ended;
    return {
      kind: 'output',
      output: { exitCode, stdout, stderr, artifacts: artifacts.map((artifact) => ({ ...artifact })), ...(result === undefined ? {} : { result }) },
    };
  },
});

/** Names in the working folder and paths under Files, as far as they are known before the run. */
function fileProblems(files: Json | undefined): readonly { readonly path: string; readonly code: string; readonly message: string }[] {
  if (typeof files !== 'object' || files === null || Array.isArray(files)) return [];
  return Object.entries(files).flatMap(([name, path]) => {
    const faults = [filePathFault(name), typeof path === 'string' && !path.includes('{{') ? filePathFault(path) : undefined];
    return faults.flatMap((fault, index) =>
      fault === undefined
        ? []
        : [
            {
              path: `params.files.${name}`,
              code: 'bad_path',
              message: `${index === 0 ? `the name "${name.slice(0, 100)}" in the working folder` : `"${String(path).slice(0, 100)}"`} can't be used: ${fault}`,
            },
          ],
    );
  });
}

function exitFailure(ended: JobEnded): NodeError {
  const lastLine = ended.stderr.trimEnd().split('\n').at(-1) ?? '';
  const told = lastLine === '' ? 'it wrote nothing to its standard error' : `its last line: ${lastLine.slice(0, 500)}`;
  return new NodeError('exit_code', `the command ended with exit code ${ended.exitCode}; ${told}`, {
    details: { exitCode: ended.exitCode, stdout: ended.stdout.slice(-2_000), stderr: ended.stderr.slice(-2_000) },
  });
}
