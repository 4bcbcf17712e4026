/** What node types that start a process share: their environment, the files they name, and how a failed process is told. */
import * as z from 'zod';
import type { Json } from '../contract/endpoint.ts';
import { filePathFault } from '../contract/files.ts';
import { NodeError, type JobEnded } from './kit.ts';

/** An expression may well give a number: it reaches the process as text. */
export const environment = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), z.union([z.string().max(131_072), z.number(), z.boolean()]));

export function toEnvironment(set: z.infer<typeof environment>): Record<string, string> {
  return Object.fromEntries(Object.entries(set).map(([name, value]) => [name, String(value)]));
}

/** Names in the working folder and paths under Files, as far as they are known before the run. */
export function fileProblems(files: Json | undefined): readonly { readonly path: string; readonly code: string; readonly message: string }[] {
  if (typeof files !== 'object' || files === null || Array.isArray(files)) return [];
  return Object.entries(files).flatMap(([name, file]) => {
    const path = pathOf(file);
    const faults = [filePathFault(name), path !== undefined && !path.includes('{{') ? filePathFault(path) : undefined];
    return faults.flatMap((fault, index) =>
      fault === undefined
        ? []
        : [
            {
              path: `params.files.${name}`,
              code: 'bad_path',
              message: `${index === 0 ? `the name "${name.slice(0, 100)}" in the working folder` : `"${(path ?? '').slice(0, 100)}"`} can't be used: ${fault}`,
            },
          ],
    );
  });
}

function pathOf(file: Json | undefined): string | undefined {
  if (typeof file === 'string') return file;
  if (typeof file !== 'object' || file === null || Array.isArray(file)) return undefined;
  return typeof file['path'] === 'string' ? file['path'] : undefined;
}

/** @param what `the command` */
export function exitFailure(what: string, ended: JobEnded): NodeError {
  const lastLine = ended.stderr.trimEnd().split('\n').at(-1) ?? '';
  const told = lastLine === '' ? 'it wrote nothing to its standard error' : `its last line: ${lastLine.slice(0, 500)}`;
  return new NodeError('exit_code', `${what} ended with exit code ${ended.exitCode}; ${told}`, {
    details: { exitCode: ended.exitCode, stdout: ended.stdout.slice(-2_000), stderr: ended.stderr.slice(-2_000) },
  });
}
