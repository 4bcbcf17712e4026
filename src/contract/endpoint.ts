/** endpoint(): one declaration of a call, from which the server's parsing, the typed web client, OpenAPI and the reference
 *  page derive. Never holds behaviour; who may call it stands in identity/policy.ts. */
import * as z from 'zod';
import type { ErrorCode } from './error.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS';

/** How a body travels: `json` is parsed by `body`; `bytes` is a stream that the handler reads itself. */
export type BodyKind = 'json' | 'bytes' | 'none';

export interface EndpointSpec<
  Key extends string = string,
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Reply extends z.ZodType = z.ZodType,
> {
  /** `METHOD /path/{name}`; `{name+}` takes the rest of the path, slashes included. */
  readonly key: Key;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** Of a JSON body; default: 10 MiB. */
  readonly maxBodyBytes?: number;
  /** Default: `json` when `body` is given, else `none`. */
  readonly bodyKind?: BodyKind;
  readonly status: number;
  readonly reply: Reply;
  /** Set when the reply is not JSON: its media type. */
  readonly replyType?: string;
  /** Codes beyond those that every route can answer (401, 403, 429, 500, 503). */
  readonly errors?: readonly ErrorCode[];
  /** Streams and long polls are exempt from the request timeout. */
  readonly streams?: boolean;
}

export function endpoint<
  const Key extends `${Method} /${string}`,
  Reply extends z.ZodType,
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(spec: EndpointSpec<Key, Params, Query, Body, Reply>): EndpointSpec<Key, Params, Query, Body, Reply> {
  return spec;
}

/** An empty reply: 204. */
export const noReply = z.undefined();

/** Page parameters of every list. `after` is the `next` of the page before. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  after: z.string().max(200).optional(),
};

/** A list's reply: items newest first; `next` continues it; `cursor` is where live events go on from this snapshot. */
export function page<Item extends z.ZodType>(item: Item) {
  return z.strictObject({ items: z.array(item), next: z.string().nullable(), cursor: z.string() });
}

/** ISO 8601, UTC. */
export const timestamp = z.iso.datetime();

/** Any JSON value. */
export const json = z.json();
export type Json = z.infer<typeof json>;

export const labels = z.record(z.string().min(1).max(64), z.string().max(256));
