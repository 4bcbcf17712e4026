/** Where each key's text comes from: process environment, the workspace's .env, a configuration file, or nothing (the default).
 *  Pure over what it is given. Precedence: environment > .env > file > default. */
import type { FileValues } from './config-file.ts';
import { openhandsNames } from './foreign.ts';
import { keys, type KeyName, type KeySpec } from './schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** One text found for a key, with the name it stood under. */
export interface Found {
  readonly text: string;
  /** "environment JWT_SECRET_KEY", "/workspace/.env JWT_SECRET_KEY", "studio.config.ts port". */
  readonly origin: string;
  readonly source: 'environment' | 'env_file' | 'file';
  readonly name: string;
}

export interface Sources {
  readonly env: Environment;
  readonly envFile: Environment;
  readonly envFilePath: string;
  readonly file: FileValues | undefined;
}

/** Every text found for `name`, strongest first. */
export function findTexts(name: KeyName, sources: Sources): readonly Found[] {
  const fromFile = sources.file?.values.get(name);
  return [
    ...named(name, withComposed(sources.env), 'environment', 'environment'),
    ...named(name, withComposed(sources.envFile), 'env_file', sources.envFilePath),
    ...(fromFile === undefined || sources.file === undefined
      ? []
      : [{ text: fromFile, origin: `${sources.file.path} ${name}`, source: 'file' as const, name }]),
  ];
}

function named(name: KeyName, env: Environment, source: 'environment' | 'env_file', label: string): readonly Found[] {
  const spec: KeySpec = keys[name];
  const names = [...spec.env, ...(spec.section === undefined ? [] : [openhandsNames(spec.section)])];
  return names.flatMap((variable) => {
    const value = env[variable];
    return value === undefined ? [] : [{ text: value, origin: `${label} ${variable}`, source, name: variable }];
  });
}

/** Variables that stand for parts of a key: made into that key where it is not set itself. */
function withComposed(env: Environment): Environment {
  const bind = /^(?:(\[[^\]]+\]|[^:]*):)?(\d+)$/.exec(env['GUNICORN_BIND']?.trim() ?? '');
  const composed: Record<string, string | undefined> = {};
  if (bind?.[1]) composed['HOST'] = bind[1].replace(/^\[|\]$/g, '');
  if (bind?.[2]) composed['PORT'] = bind[2];
  if (env['LLMCTL_POSTGRES_HOST'] && env['LLMCTL_STUDIO_DATABASE_URI'] === undefined) composed['DATABASE_URL'] = composeUrl(env);
  return { ...composed, ...env };
}

function composeUrl(env: Environment): string {
  const part = (name: string, fallback: string): string => env[`LLMCTL_POSTGRES_${name}`]?.trim() || fallback;
  const password = env['LLMCTL_POSTGRES_PASSWORD'];
  const login = encodeURIComponent(part('USER', 'postgres')) + (password ? `:${encodeURIComponent(password)}` : '');
  return `postgresql://${login}@${part('HOST', 'localhost')}:${part('PORT', '5432')}/${encodeURIComponent(part('DB', 'selfhost_studio'))}`;
}
