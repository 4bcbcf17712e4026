/** Sends a workflow's document (JSON or YAML, as text) to be brought in. What can't be published becomes a draft. */
import { randomKey, readReply, urlOf } from '../../api.ts';
import type { ReplyOf } from '../../../src/contract/index.ts';

const TIMEOUT_MS = 60_000;

/** @param options `dryRun`: nothing is made, the answer says what would be
 *  @throws ApiError when it is refused; what fetch throws when nothing answers */
export async function importDocument(document: string, options: { readonly dryRun?: boolean } = {}): Promise<ReplyOf<'POST /api/v1/workflows/import'>> {
  const response = await fetch(urlOf('/api/v1/workflows/import', {}, { as: 'draft', ...(options.dryRun === true ? { dryRun: true } : {}) }), {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json', 'x-studio-client': 'web', 'idempotency-key': randomKey() },
    body: JSON.stringify({ document }),
    credentials: 'same-origin',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return readReply(response, await response.text()) as ReplyOf<'POST /api/v1/workflows/import'>;
}
