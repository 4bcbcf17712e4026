/** Names of this Studio on the internet, through the tunnel: which there are, what has to stand in the DNS for each, and whether it works. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';
import { domainVerdicts } from './values.ts';

const verification = z.strictObject({
  at: timestamp,
  verdict: z.enum(domainVerdicts),
  /** What is so, and what to do about it. */
  message: z.string(),
  addresses: z.array(z.string()),
  /** What the name stands for in the DNS; empty also where Cloudflare hides it behind addresses of its own. */
  cnames: z.array(z.string()),
});
export type DomainVerification = z.infer<typeof verification>;

const domain = z.strictObject({
  domain: z.string(),
  /** What names it. */
  setBy: z.string(),
  /** What must stand in the DNS; null while the tunnel is not known. */
  record: z.strictObject({ type: z.literal('CNAME'), name: z.string(), value: z.string() }).nullable(),
  /** Since the start; null: nobody asked yet. */
  last: verification.nullable(),
});

const domains = z.strictObject({
  tunnel: z.strictObject({
    /** A token is set. It is told to nobody. */
    isSet: z.boolean(),
    /** As it stands in the token; null when that can't be read. */
    id: z.string().nullable(),
    /** What domains point at. */
    target: z.string().nullable(),
    /** Of the service cloudflared; null: there is none. */
    state: z.string().nullable(),
  }),
  items: z.array(domain),
});
export type Domains = z.infer<typeof domains>;

export const domainEndpoints = [
  endpoint({
    key: 'GET /api/v1/system/domains',
    tag: 'machine',
    summary: 'The domains of this Studio, and what the DNS has to say',
    status: 200,
    reply: domains,
  }),
  endpoint({
    key: 'POST /api/v1/system/domains/verify',
    tag: 'machine',
    summary: 'Look whether a domain leads to this Studio',
    description: 'Resolves it, then calls it from outside as anybody would, and looks who answers.',
    body: z.strictObject({ domain: z.string().max(253) }),
    status: 200,
    reply: verification,
    errors: ['invalid_body', 'not_found'],
  }),
] as const;
