/** http.request: one HTTP exchange. Never decides where it may connect: context.http does, on the address. */
import * as z from 'zod';
import { filePath } from '../../contract/files.ts';
import { bodyOf, exchange, headOf, requestParams, urlProblems } from '../kit-http.ts';
import { asField, defineNode, inPort, NodeError, outPort } from '../kit.ts';
import type { HttpReply } from '../kit-ports.ts';

const params = z.strictObject({
  ...requestParams,
  expectStatus: z
    .array(z.int().min(100).max(599))
    .optional()
    .describe('Default: 200 to 299')
    .meta(asField({ rare: true })),
  saveTo: filePath
    .optional()
    .describe('Keep the body as this file, whatever its size')
    .meta(asField({ control: 'file', rare: true })),
});
type Params = z.infer<typeof params>;

export const httpRequest = defineNode({
  type: 'http.request',
  version: 1,
  title: 'HTTP request',
  summary: 'Asks a web server, and hands on what it answers.',
  category: 'network',
  inputs: inPort,
  outputs: outPort,
  params,
  example: { method: 'GET', url: 'https://example.com/api/items', query: { page: 1 }, auth: { type: 'bearer', token: '{{ secrets.API_TOKEN }}' } },
  docs: `Output: \`{ status, headers, body }\`; JSON is parsed. A body that is binary or larger than 128 KiB becomes a file: \`body\` is then \`{ file: { path, bytes, sha256 } }\`.

Every attempt sends the same \`Idempotency-Key\` header unless you set one, so that a server that heeds it acts once.

Connects to public addresses only, decided on the address it connects to and again at each redirect; a super administrator can allow a host under Settings. \`auth: { credential: "cred_…" }\` uses a credential of the organisation: it goes to the hosts it is bound to and nowhere else, redirects included, and its values show nowhere. Its id is written out, never computed. Authorization and cookies of your own are dropped when a redirect leaves the host.

Errors: \`credential_missing\`, \`credential_expired\`, \`credential_forbidden\`, \`credential_unreadable\` (final), \`credential_refused\` and \`credential_failed\` (no access token); \`http_status\` (not an expected one; 4xx but 408, 425 and 429 is final), \`egress_refused\` (final), \`egress_failed\`, \`egress_timeout\`, \`reply_too_large\` (final; the limit is 100 MiB).`,
  credentialParams: ['auth.credential'],
  check: (node) => urlProblems(node.params?.['url'], 'params.url'),
  runs: 'inline',
  pure: false,
  async run(values, context) {
    const reply = await exchange(values, context);
    requireExpected(values, reply);
    return { kind: 'output', output: { status: reply.status, headers: reply.headers, body: await bodyOf(reply, context, values.saveTo) } };
  },
});

/** Tells a retry what is worth trying again: 408, 425, 429 and 5xx are; other 4xx will answer the same. */
function requireExpected(values: Params, reply: HttpReply): void {
  const isExpected = values.expectStatus === undefined ? reply.status >= 200 && reply.status < 300 : values.expectStatus.includes(reply.status);
  if (isExpected) return;
  const isFinal = reply.status < 500 && ![408, 425, 429].includes(reply.status);
  throw new NodeError('http_status', `${new URL(values.url).host} answered ${reply.status}, expected ${values.expectStatus?.join(', ') ?? '200 to 299'}`, {
    final: isFinal,
    details: { status: reply.status, body: headOf(reply.body.subarray(0, 8_000).toString()) },
  });
}
