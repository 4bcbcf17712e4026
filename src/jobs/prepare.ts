/** From a claimed job to a process ready to start: command, secrets, environment, files. Whatever is wrong here fails the attempt with a name. */
import { isAbsolute, join } from 'node:path';
import type { CommandSpec } from '../contract/jobs.ts';
import { NodeError } from '../nodes/kit.ts';
import { maySubmitJobs, type ClaimedJob } from '../store/job-claims.ts';
import { jobEnv, type JobEnv } from './job-env.ts';
import { closedAncestor, makeJobFolder, placeJobFiles, type JobFolder } from './job-folder.ts';
import type { RunParts } from './parts.ts';

export interface Prepared extends Command {
  readonly argv: readonly string[];
  readonly work: string;
  readonly env: JobEnv;
}

export interface Command {
  readonly spec: CommandSpec;
  /** What to mask wherever the job's words go. */
  readonly redact: readonly string[];
}

/** The command as it is to run. @throws NodeError */
export async function commandOf(claimed: ClaimedJob, parts: RunParts): Promise<Command> {
  if (claimed.step !== undefined) return parts.prepareJob(claimed.step);
  if (claimed.spec === null) throw new NodeError('no_command', 'the job has no command', { final: true });
  const isAllowed = claimed.principal !== null && (await maySubmitJobs(parts.database.engine, claimed.principal));
  if (!isAllowed)
    throw new NodeError('forbidden', 'who submitted the job may not run commands any more; a super administrator can submit it again', { final: true });
  return withSecrets(claimed.spec, (name) => parts.secrets.read(claimed.orgId, name));
}

const SECRET = /\{\{\s*secrets\.([A-Za-z_][A-Za-z0-9_]{0,127})\s*\}\}/g;

/** A direct job may name secrets in the values of its environment, nowhere else: arguments are visible to every process of the machine. */
async function withSecrets(spec: CommandSpec, read: (name: string) => Promise<string | undefined>): Promise<Command> {
  const values = new Map<string, string>();
  for (const value of Object.values(spec.env ?? {})) {
    for (const [, name = ''] of value.matchAll(SECRET)) {
      const secret = values.get(name) ?? (await read(name));
      if (secret === undefined) throw new NodeError('secret_missing', `env: there is no secret ${name}; add it under Settings, Secrets`, { final: true });
      values.set(name, secret);
    }
  }
  const env = Object.fromEntries(
    Object.entries(spec.env ?? {}).map(([name, value]) => [name, value.replace(SECRET, (_, secret: string) => values.get(secret) ?? '')]),
  );
  return { spec: { ...spec, env }, redact: [...values.values()] };
}

/** Makes the folder and says what to start. @throws NodeError */
export async function prepareAttempt(claimed: ClaimedJob, command: Command, folder: JobFolder, uid: number | undefined, parts: RunParts): Promise<Prepared> {
  const { spec } = command;
  const argv = argvOf(spec, folder);
  const closed = uid === undefined ? undefined : await closedAncestor(folder.root);
  if (closed !== undefined) {
    throw new NodeError(
      'workspace_closed',
      `jobs run as users of their own and can not pass the folder ${closed}; give others the right to pass it (chmod o+x ${closed}), or move the workspace`,
      { final: true },
    );
  }
  await makeJobFolder(folder, { script: spec.script, stdin: spec.stdin, uid, attempt: claimed.attempt });
  await placeJobFiles(folder, spec.files ?? {}, { files: parts.files, sql: parts.database.engine, orgId: claimed.orgId, uid });
  const array = claimed.spec?.array;
  const env = jobEnv(spec.env ?? {}, {
    home: folder.work,
    user: 'studio-job',
    studio: {
      STUDIO_JOB_ID: claimed.job.id,
      STUDIO_ATTEMPT: String(claimed.attempt),
      STUDIO_ARTIFACTS: folder.artifacts,
      STUDIO_RESULT: folder.result,
      STUDIO_PROGRESS: folder.progress,
      ...(claimed.step === undefined
        ? {}
        : {
            STUDIO_INSTANCE_ID: claimed.step.instanceId,
            STUDIO_STEP: claimed.step.path,
            STUDIO_IDEMPOTENCY_KEY: `${claimed.step.instanceId}/${claimed.step.path}/${claimed.step.generation}`,
          }),
      ...(array === undefined ? {} : { STUDIO_ARRAY_INDEX: String(array.index), STUDIO_ARRAY_SIZE: String(array.size) }),
    },
  });
  return { argv, work: workOf(spec.cwd, folder), env, spec, redact: command.redact };
}

function argvOf(spec: CommandSpec, folder: JobFolder): readonly string[] {
  if ((spec.command === undefined) === (spec.script === undefined))
    throw new NodeError('bad_params', 'give either "command" (a list of arguments) or "script", not both and not neither', { final: true });
  const argv = spec.command ?? [spec.shell ?? '/bin/sh', folder.script];
  if (argv.some((argument) => argument.includes('\0')))
    throw new NodeError('bad_params', 'an argument holds a NUL character; arguments are text', { final: true });
  return argv;
}

function workOf(cwd: string | undefined, folder: JobFolder): string {
  if (cwd === undefined || cwd === '') return folder.work;
  if (cwd.includes('\0')) throw new NodeError('bad_cwd', 'cwd holds a NUL character', { final: true });
  return isAbsolute(cwd) ? cwd : join(folder.work, cwd);
}
