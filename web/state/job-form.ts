/** The form of a job as text, and the submission it makes. Pure. */
import type { BodyOf } from '../../src/contract/index.ts';
import type { CommandSpec } from '../../src/contract/command.ts';

type Body = BodyOf<'POST /api/v1/jobs'>;

export interface JobForm {
  readonly name: string;
  readonly kind: 'script' | 'command';
  readonly text: string;
  readonly queue: string;
  readonly priority: 'low' | 'normal' | 'high' | 'critical';
  readonly gpus: string;
  readonly vram: string;
  readonly files: string;
  readonly env: string;
  readonly requirements: string;
  readonly matrix: string;
  readonly array: string;
  readonly attempts: string;
  readonly minutes: string;
  readonly after: string;
  readonly preemptible: boolean;
  /** What the form has no field for, kept as it was. */
  readonly rest: Partial<CommandSpec>;
}

const GIB = 1024 ** 3;

/** @param spec of a job to be submitted again */
export function emptyJob(spec?: CommandSpec, name = ''): JobForm {
  const { command, script, files = {}, env = {}, requirements = '', ...rest } = spec ?? {};
  const paths = Object.entries(files).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  const others = Object.fromEntries(Object.entries(files).filter(([, file]) => typeof file !== 'string'));
  return {
    name,
    kind: command === undefined ? 'script' : 'command',
    text: command === undefined ? (script ?? '') : command.join('\n'),
    queue: 'studio',
    priority: 'normal',
    gpus: '',
    vram: '',
    files: paths.map(([at, path]) => `${at} = ${path}`).join('\n'),
    env: Object.entries(env)
      .map(([key, value]) => `${key}=${value}`)
      .join('\n'),
    requirements,
    matrix: '',
    array: '',
    attempts: '',
    minutes: '',
    after: '',
    preemptible: false,
    rest: { ...rest, ...(Object.keys(others).length === 0 ? {} : { files: others }) },
  };
}

/** The body to send, or what is wrong with which field. */
export function jobBody(form: JobForm): { readonly body: Body } | { readonly faults: Partial<Record<keyof JobForm, string>> } {
  const faults: Partial<Record<keyof JobForm, string>> = {};
  const number = (field: 'gpus' | 'vram' | 'array' | 'attempts' | 'minutes', least: number, isWhole: boolean): number | undefined => {
    if (form[field].trim() === '') return undefined;
    const value = Number(form[field]);
    if (!Number.isFinite(value) || value < least || (isWhole && !Number.isInteger(value)))
      faults[field] = `A ${isWhole ? 'whole ' : ''}number from ${least} on.`;
    return value;
  };
  const pairs = (field: 'files' | 'env' | 'matrix', trims: boolean): [string, string][] =>
    linesOf(form[field]).flatMap((line): [string, string][] => {
      const at = line.indexOf('=');
      if (at < 1) faults[field] = `"${line.slice(0, 60)}" has no "=" after a name.`;
      return at < 1 ? [] : [[line.slice(0, at).trim(), trims ? line.slice(at + 1).trim() : line.slice(at + 1)]];
    });
  if (form.text.trim() === '') faults.text = 'Something has to run.';
  const gpus = number('gpus', 0, true);
  const vram = number('vram', 0, false);
  const array = number('array', 1, true);
  const attempts = number('attempts', 1, true);
  const minutes = number('minutes', 0.001, false);
  const files = { ...form.rest.files, ...Object.fromEntries(pairs('files', true)) };
  const env = Object.fromEntries(pairs('env', false));
  const matrix = Object.fromEntries(pairs('matrix', true).map(([name, values]) => [name, values.split(',').map((value) => wordOf(value.trim()))]));
  const after = form.after.split(/[\s,]+/).filter((id) => id !== '');
  if (array !== undefined && Object.keys(matrix).length > 0) faults.array = 'Copies or a matrix, not both.';
  if (Object.keys(faults).length > 0) return { faults };
  const resources = { ...(gpus === undefined ? {} : { gpus }), ...(vram === undefined ? {} : { vramBytes: Math.round(vram * GIB) }) };
  const { files: _files, ...rest } = form.rest;
  return {
    body: {
      ...rest,
      ...(form.name.trim() === '' ? {} : { name: form.name.trim() }),
      ...(form.kind === 'script' ? { script: form.text } : { command: linesOf(form.text) }),
      queue: form.queue,
      ...(form.priority === 'normal' ? {} : { priority: form.priority }),
      ...(Object.keys(resources).length === 0 ? {} : { resources }),
      ...(Object.keys(files).length === 0 ? {} : { files }),
      ...(Object.keys(env).length === 0 ? {} : { env }),
      ...(form.requirements.trim() === '' ? {} : { requirements: form.requirements }),
      ...(Object.keys(matrix).length === 0 ? {} : { matrix }),
      ...(array === undefined ? {} : { array }),
      ...(attempts === undefined ? {} : { retry: { maxAttempts: attempts } }),
      ...(minutes === undefined ? {} : { timeoutMs: Math.round(minutes * 60_000) }),
      ...(after.length === 0 ? {} : { dependsOn: after }),
      ...(form.preemptible ? { preemptible: true } : {}),
    },
  };
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

/** Numbers and truth values as such, so that they are shown and compared as what they are. */
function wordOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && Number.isFinite(Number(text)) && String(Number(text)) === text ? Number(text) : text;
}
