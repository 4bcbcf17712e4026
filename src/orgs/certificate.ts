/** What a purge hands out: how much was deleted of what, that nothing is left, and two seals: a hash that anybody can work out, and a code that only this
 *  workspace's key makes. Pure. */
import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { PurgeCertificate } from '../contract/orgs.ts';

type Facts = Omit<PurgeCertificate, 'sha256' | 'seal'>;

/** @param secret CREDENTIAL_ENCRYPTION_KEY */
export function sealCertificate(facts: Facts, secret: string): PurgeCertificate {
  const text = canonical(facts);
  return { ...facts, sha256: createHash('sha256').update(text).digest('hex'), seal: codeOf(text, secret) };
}

/** Whether the certificate is as it was made, by this workspace. */
export function isGenuine(certificate: PurgeCertificate, secret: string): boolean {
  const { sha256, seal, ...facts } = certificate;
  const text = canonical(facts);
  const [made, given] = [Buffer.from(codeOf(text, secret), 'hex'), Buffer.from(seal, 'hex')];
  return createHash('sha256').update(text).digest('hex') === sha256 && made.length === given.length && timingSafeEqual(made, given);
}

function codeOf(text: string, secret: string): string {
  const key = Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'utf8'), Buffer.alloc(0), 'studio/purge-certificate/v1', 32));
  return createHmac('sha256', key).update(text).digest('hex');
}

/** JSON with its keys in order: however it was formatted since, the same facts give the same text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonical(entry)}`).join(',')}}`;
}
