/** A route: one endpoint with its handler. Handlers parse nothing and decide no rights: mount.ts has done both. */
import type * as z from 'zod';
import type { Caller } from '../contract/caller.ts';
import type { EndpointSpec } from '../contract/endpoint.ts';
import type { IdPrefix } from '../kernel/ids.ts';
import type { SqlPool } from '../store/client.ts';
import type { Peer } from './peer.ts';

/** One call, parsed by its endpoint's schemas. */
export interface Call<Spec extends EndpointSpec = EndpointSpec> {
  readonly params: z.infer<NonNullable<Spec['params']>>;
  readonly query: z.infer<NonNullable<Spec['query']>>;
  readonly body: z.infer<NonNullable<Spec['body']>>;
  /** Who calls. On public routes use `maybeCaller`: reading `caller` there without one is a bug and throws. */
  readonly caller: Caller;
  readonly maybeCaller: Caller | null;
  /** Reads of the caller's org, under row-level security. */
  readonly sql: SqlPool;
  readonly requestId: string;
  /** The peer's address, after trusted proxies. */
  readonly address: string;
  /** Under which name and scheme the caller reached us, after trusted proxies. */
  readonly peer: Peer;
  readonly request: Request;
  /** Aborts when the client goes away or the request's time is over. */
  readonly signal: AbortSignal;
  header(name: string): string | undefined;
  /** Where live events go on from the snapshot this call answers. Taken before the handler runs on every GET; elsewhere at the first call. */
  cursor(): Promise<string>;
  /** The id of what this call makes. With an Idempotency-Key it is the same for every try of the request (n-th call, n-th id), so that
   *  a try after a crash meets what the first one made. */
  newId<P extends IdPrefix>(prefix: P): `${P}_${string}`;
  /** A second try of a request whose first one may have done its work and died before it could say so: look for its ids first. */
  readonly isRepeat: boolean;
}

export interface JsonReply<Spec extends EndpointSpec> {
  readonly body: z.infer<Spec['reply']>;
  /** Default: the endpoint's status. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A handler answers the endpoint's reply, or a whole Response (bytes, streams, cookies). */
export type Handler<Spec extends EndpointSpec> = (call: Call<Spec>) => Promise<JsonReply<Spec> | Response> | JsonReply<Spec> | Response;

export interface Route {
  readonly spec: EndpointSpec;
  readonly handle: Handler<EndpointSpec>;
}

/** Joins endpoints with handlers; a missing or unknown key does not typecheck. */
export function routesOf<const Specs extends readonly EndpointSpec[]>(
  specs: Specs,
  handlers: { readonly [Key in Specs[number]['key']]: Handler<Extract<Specs[number], { readonly key: Key }>> },
): readonly Route[] {
  const byKey = handlers as unknown as Record<string, Handler<EndpointSpec>>;
  return specs.map((spec) => {
    const handle = byKey[spec.key];
    if (handle === undefined) throw new Error(`no handler for ${spec.key}`);
    return { spec, handle };
  });
}
