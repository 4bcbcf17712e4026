/** From a claimed job to a process ready to start: command, secrets, environment, files. Whatever is wrong here fails the attempt with a name. */
import { isAbsolute, join } from 'node:path';
import type { CommandSpec } from '../contract/command.ts';
import { NodeError } from '../nodes/kit.ts';
import type { ClaimedJob } from '../store/job-claims.ts';
import { gpuEnv, type GpuEnv } from './gpu-env.ts';
import { JOB_PATH, jobEnv, type JobEnv } from './job-env.ts';
import { placeJobFiles } from './job-files.ts';
import { closedAncestor, makeJobFolder, type JobFolder } from './job-folder.ts';
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
  if (!claimed.isAllowed)
    throw new NodeError('forbidden', 'who submitted the job may not run commands any more; a super administrator can submit it again', { final: true });
  return withSecrets(claimed.spec, (name) => parts.secrets.read(claimed.orgId, name));
}

const SECRET = /\{\{\s*secrets\.([A-Za-z_][A-Za-z0-9_]{0,127})\s*\}\}/g;

/** A direct job may name secrets in the values of its environment and in its requirements (the address of a private index), nowhere else: arguments are
 *  visible to every process of the machine. */
async function withSecrets(spec: CommandSpec, read: (name: string) => Promise<string | undefined>): Promise<Command> {
  const values = new Map<string, string>();
  const learn = async (where: string, text: string): Promise<void> => {
    for (const [, name = ''] of text.matchAll(SECRET)) {
      // Serial: a handful at most, and each is read once.
      const secret = values.get(name) ?? (await read(name));
      if (secret === undefined) throw new NodeError('secret_missing', `${where}: there is no secret ${name}; add it under Settings, Secrets`, { final: true });
      values.set(name, secret);
    }
  };
  for (const value of Object.values(spec.env ?? {})) await learn('env', value);
  await learn('requirements', spec.requirements ?? '');
  const filled = (text: string): string => text.replace(SECRET, (_, secret: string) => values.get(secret) ?? '');
  const env = Object.fromEntries(Object.entries(spec.env ?? {}).map(([name, value]) => [name, filled(value)]));
  const requirements = spec.requirements === undefined ? {} : { requirements: filled(spec.requirements) };
  return { spec: { ...spec, env, ...requirements }, redact: [...values.values()] };
}

export interface Preparation {
  readonly claimed: ClaimedJob;
  readonly command: Command;
  readonly folder: JobFolder;
  readonly uid: number | undefined;
  readonly parts: RunParts;
  /** One line to the job's log. */
  readonly note: (line: string) => Promise<void>;
  /** Aborts when the job is to end before it began. */
  readonly signal: AbortSignal;
}

/** Makes the empty folder. Before anything is written to the log. @throws NodeError */
export async function openFolder({ claimed, command, folder, uid }: Omit<Preparation, 'note' | 'signal'>): Promise<void> {
  argvOf(command.spec, folder);
  const made = makeJobFolder(folder, { script: command.spec.script, stdin: command.spec.stdin, uid, attempt: claimed.attempt });
  const [closed] = await Promise.all([uid === undefined ? undefined : closedAncestor(folder.root), made]);
  if (closed !== undefined) {
    throw new NodeError(
      'workspace_closed',
      `jobs run as users of their own and can not pass the folder ${closed}; give others the right to pass it (chmod o+x ${closed}), or move the workspace`,
      { final: true },
    );
  }
}

/** Fills the folder and says what to start. @throws NodeError; the signal's reason */
export async function prepareAttempt(preparation: Preparation): Promise<Prepared> {
  const { claimed, command, folder, uid, parts, note, signal } = preparation;
  const { spec } = command;
  const { orgId } = claimed;
  const common = { orgId, uid, note, signal };
  await placeJobFiles(folder, spec.files ?? {}, { ...common, files: parts.files, database: parts.database, http: parts.httpOf(orgId), clock: parts.clock });
  const environment =
    spec.requirements === undefined
      ? undefined
      : await parts.environments.hold({
          ...common,
          jobId: claimed.job.id,
          requirements: spec.requirements,
          python: spec.python,
          folder,
          redact: command.redact,
        });
  return {
    argv: argvOf(spec, folder),
    work: workOf(spec.cwd, folder),
    env: envOf(claimed, spec, folder, { environment, gpus: gpuEnv(parts.ledger, claimed.job.id), trace: traceEnv(claimed, parts) }),
    spec,
    redact: command.redact,
  };
}

/** As OpenTelemetry's libraries take a trace up from the environment. */
function traceEnv({ job, attempt, step }: ClaimedJob, parts: RunParts): Readonly<Record<string, string>> {
  const traceparent = parts.traceparentOf?.({ jobId: job.id, attempt, step });
  return traceparent === undefined ? {} : { TRACEPARENT: traceparent };
}

/** @param environment the folder of its virtual environment */
function envOf(
  claimed: ClaimedJob,
  spec: CommandSpec,
  folder: JobFolder,
  given: { readonly environment: string | undefined; readonly gpus: GpuEnv; readonly trace: Readonly<Record<string, string>> },
): JobEnv {
  const { job, step } = claimed;
  const { environment, gpus, trace } = given;
  return jobEnv(
    { ...gpus.proposed, ...trace, ...spec.env },
    {
      home: folder.work,
      user: 'studio-job',
      ...(environment === undefined ? {} : { path: `${join(environment, 'bin')}:${JOB_PATH}` }),
      studio: {
        STUDIO_JOB_ID: job.id,
        STUDIO_ATTEMPT: String(claimed.attempt),
        STUDIO_ARTIFACTS: folder.artifacts,
        STUDIO_RESULT: folder.result,
        STUDIO_PROGRESS: folder.progress,
        STUDIO_CHECKPOINT: folder.checkpoint,
        ...gpus.fixed,
        ...(environment === undefined ? {} : { VIRTUAL_ENV: environment }),
        ...(step === undefined
          ? {}
          : {
              STUDIO_INSTANCE_ID: step.instanceId,
              STUDIO_STEP: step.path,
              STUDIO_IDEMPOTENCY_KEY: `${step.instanceId}/${step.path}/${step.generation}`,
            }),
        ...(job.group === undefined
          ? {}
          : { STUDIO_GROUP_ID: job.group.id, STUDIO_ARRAY_INDEX: String(job.group.index), STUDIO_ARRAY_SIZE: String(job.group.size) }),
        ...Object.fromEntries(Object.entries(job.group?.matrix ?? {}).map(([name, value]) => [`STUDIO_MATRIX_${name}`, String(value)])),
      },
    },
  );
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
