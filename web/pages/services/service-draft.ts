/** A service as a person types it, and the definition it stands for. What the form has no field for stays as it was. Pure. */
import type { BodyOf } from '../../../src/contract/index.ts';
import type { ServiceDefinition } from '../../../src/contract/services.ts';

export interface ServiceDraft {
  readonly name: string;
  readonly title: string;
  /** One argument a line: nothing has to be quoted. */
  readonly command: string;
  /** NAME=value, one a line. */
  readonly env: string;
  readonly cwd: string;
  readonly port: string;
  readonly healthType: 'http' | 'tcp' | 'none';
  readonly healthPath: string;
  readonly hasPage: boolean;
  readonly pageRole: 'user' | 'admin' | 'super_admin';
  readonly isolation: 'sandbox' | 'trusted';
  readonly after: string;
  readonly gpus: string;
  readonly vramGib: string;
  readonly idleMinutes: string;
  readonly isRequired: boolean;
  readonly isEnabled: boolean;
}

export type ServiceBody = BodyOf<'POST /api/v1/services'>;

const GIB = 1024 ** 3;

export const newDraft: ServiceDraft = {
  name: '',
  title: '',
  command: '',
  env: '',
  cwd: '',
  port: '',
  healthType: 'http',
  healthPath: '/',
  hasPage: true,
  pageRole: 'super_admin',
  isolation: 'sandbox',
  after: '',
  gpus: '',
  vramGib: '',
  idleMinutes: '',
  isRequired: false,
  isEnabled: true,
};

export function draftOf(definition: ServiceDefinition): ServiceDraft {
  const { health, page, resources, idle } = definition;
  const number = (value: number): string => (value === 0 ? '' : String(value));
  return {
    name: definition.name,
    title: definition.title ?? '',
    command: definition.command.join('\n'),
    env: Object.entries(definition.env)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n'),
    cwd: definition.cwd ?? '',
    port: definition.port === undefined ? '' : String(definition.port),
    healthType: health.type,
    healthPath: health.type === 'http' ? health.path : '/',
    hasPage: page !== null,
    pageRole: page?.role ?? 'super_admin',
    isolation: page?.isolation ?? 'sandbox',
    after: definition.after.join(' '),
    gpus: number(resources.gpus),
    vramGib: number(Math.round((resources.vramBytes / GIB) * 100) / 100),
    idleMinutes: idle === null ? '' : String(Math.round(idle.afterMs / 6_000) / 10),
    isRequired: definition.required,
    isEnabled: definition.enabled,
  };
}

/** @param before the definition that is changed; its other fields stay  @throws Error naming the field that can't be read */
export function bodyOf(draft: ServiceDraft, before?: ServiceDefinition): ServiceBody {
  const health = before?.health.type === draft.healthType ? before.health : { type: draft.healthType };
  const { title: _title, cwd: _cwd, port: _port, ...kept } = before ?? {};
  return {
    ...kept,
    name: draft.name.trim(),
    ...(draft.title.trim() === '' ? {} : { title: draft.title.trim() }),
    command: linesOf(draft.command),
    env: envOf(draft.env),
    ...(draft.cwd.trim() === '' ? {} : { cwd: draft.cwd.trim() }),
    ...(draft.port.trim() === '' ? {} : { port: numberOf(draft.port, 'Port') }),
    health:
      draft.healthType === 'http'
        ? { ...health, type: 'http', path: draft.healthPath.trim() === '' ? '/' : draft.healthPath.trim() }
        : (health as ServiceBody['health']),
    page: draft.hasPage ? { ...before?.page, role: draft.pageRole, isolation: draft.isolation } : null,
    after: draft.after.split(/[\s,]+/).filter((name) => name !== ''),
    resources: { ...before?.resources, gpus: numberOf(draft.gpus, 'GPUs'), vramBytes: Math.round(numberOf(draft.vramGib, 'GPU memory') * GIB) },
    idle: draft.idleMinutes.trim() === '' ? null : { afterMs: Math.round(numberOf(draft.idleMinutes, 'Rests after') * 60_000) },
    required: draft.isRequired,
    enabled: draft.isEnabled,
  };
}

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  while (lines.at(-1)?.trim() === '') lines.pop();
  return lines;
}

function envOf(text: string): Record<string, string> {
  return Object.fromEntries(
    linesOf(text)
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const at = line.indexOf('=');
        if (at < 1) throw new Error(`Environment: “${line}” is not NAME=value.`);
        return [line.slice(0, at).trim(), line.slice(at + 1)];
      }),
  );
}

function numberOf(text: string, field: string): number {
  const value = text.trim() === '' ? 0 : Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${field}: “${text}” is not a number.`);
  return value;
}
