/** The test of a credential: one real call to its provider, and what came of it in a sentence without secrets. */
import { mayCarry } from '../kernel/egress-binding.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import type { SealedCredential } from '../store/credentials.ts';
import { CredentialError } from './oauth.ts';
import { typeOf } from './types.ts';
import { openRow, type UseParts } from './use.ts';

const TIMEOUT_MS = 15_000;
const MAX_REPLY_BYTES = 4 * 1024 * 1024;
const MAX_MESSAGE_CHARS = 300;

/** @throws AppError conflict when nothing says what to ask; invalid_body for a URL of another host */
export async function tryCredential(
  parts: Pick<UseParts, 'cipher' | 'httpOf' | 'tokens'>,
  wanted: { readonly orgId: string; readonly row: SealedCredential; readonly url: string | undefined },
): Promise<{ ok: boolean; message: string }> {
  const { orgId, row } = wanted;
  const type = typeOf(row.type) ?? fail('conflict', `This Studio does not know the type "${row.type}".`);
  const url = wanted.url ?? type.testUrlOf(row.plain);
  if (url === undefined) fail('conflict', `"${row.name}" has no test URL; give one, or call this with a url on ${row.hosts.join(', ')}.`);
  if (!mayCarry(row.hosts, new URL(url)))
    fail('invalid_body', {
      message: `"${row.name}" may be sent to ${row.hosts.join(', ')} alone, not to ${new URL(url).origin}.`,
      details: { in: 'body', problems: [{ path: 'url', message: 'It is not on one of the hosts' }] },
    });
  let made: readonly string[] = [];
  const said = (message: string): string => {
    const masked = made.filter((one) => one !== '').reduce((text, one) => text.replaceAll(one, '***'), message);
    return masked
      .replaceAll(/\p{Cc}/gu, ' ')
      .slice(0, MAX_MESSAGE_CHARS)
      .toWellFormed();
  };
  try {
    const opened = await openRow(parts, orgId, row);
    ({ made } = opened);
    const { status } = await parts.httpOf(orgId).request({
      method: 'GET',
      url,
      headers: { accept: 'application/json' },
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_REPLY_BYTES,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      bound: opened.binding,
    });
    const { host } = new URL(url);
    if (status < 400) return { ok: true, message: said(`${host} answered ${status}`) };
    return { ok: false, message: said(status === 401 || status === 403 ? `${host} refused it: ${status}` : `${host} answered ${status}`) };
  } catch (error) {
    const isExpected =
      error instanceof CredentialError || (error instanceof Error && 'code' in error) || (error instanceof DOMException && error.name === 'TimeoutError');
    if (!isExpected) throw error;
    return { ok: false, message: said(messageOf(error)) };
  }
}
