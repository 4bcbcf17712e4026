/** What a credential's fields must be, and whether a change sends its secrets elsewhere. Pure. */
import type * as z from 'zod';
import { fail } from '../kernel/fail.ts';
import { mayCarry } from '../kernel/egress-binding.ts';
import type { CredentialType } from './types.ts';

/** Fields that passed, secrets apart. */
export interface CheckedCredential {
  readonly hosts: readonly string[];
  readonly plain: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** @throws AppError invalid_body with a problem a field */
export function splitValues(
  type: CredentialType,
  given: { readonly values: Readonly<Record<string, string>>; readonly hosts: readonly string[] | undefined },
): CheckedCredential {
  // An empty field of a form is one that was not given.
  const filled = Object.fromEntries(Object.entries(given.values).filter(([, value]) => value !== ''));
  const parsed = type.fields.safeParse(filled);
  if (!parsed.success) refuse(parsed.error.issues.map(problemOf));
  const values = parsed.data as Readonly<Record<string, string>>;
  const hosts = type.hostsOf?.(values) ?? [...new Set(given.hosts ?? [])];
  if (hosts.length === 0) refuse([{ path: 'hosts', message: 'Name at least one host that it may be sent to' }]);
  for (const field of ['testUrl', 'tokenUrl']) {
    const url = values[field];
    if (url === undefined) continue;
    const isFit = field === 'testUrl' ? mayCarry(hosts, new URL(url)) : new URL(url).protocol === 'https:' || mayCarry(hosts, new URL(url));
    const message = field === 'testUrl' ? 'It is not on one of the hosts' : 'It has to be https, or on a host that allows plain HTTP';
    if (!isFit) refuse([{ path: `values.${field}`, message }]);
  }
  const isSecret = ([field]: readonly [string, string]): boolean => type.secrets.includes(field);
  return {
    hosts,
    plain: Object.fromEntries(Object.entries(values).filter((entry) => !isSecret(entry))),
    secrets: Object.fromEntries(Object.entries(values).filter(isSecret)),
  };
}

/** Why a change would send secrets to somewhere new; undefined when it would not. */
export function hostFaultOf(
  type: CredentialType,
  { before, after }: { readonly before: Pick<CheckedCredential, 'hosts' | 'plain'>; readonly after: Pick<CheckedCredential, 'hosts' | 'plain'> },
): string | undefined {
  const more = after.hosts.filter((host) => !before.hosts.includes(host));
  if (more.length > 0) return `It could be sent to ${more.join(', ')} now.`;
  const moved = type.places.find((field) => before.plain[field] !== after.plain[field]);
  return moved === undefined ? undefined : `Its ${moved} says where it is sent.`;
}

function problemOf(issue: z.core.$ZodIssue): { readonly path: string; readonly message: string } {
  const field = issue.code === 'unrecognized_keys' ? (issue.keys[0] ?? '') : String(issue.path[0] ?? '');
  return { path: `values.${field}`, message: issue.code === 'unrecognized_keys' ? 'There is no such field' : issue.message };
}

function refuse(problems: readonly { readonly path: string; readonly message: string }[]): never {
  const named = problems.slice(0, 3).map(({ path, message }) => `${path}: ${message}`);
  return fail('invalid_body', { message: `The credential is not as its type needs it: ${named.join('; ')}.`, details: { in: 'body', problems } });
}
