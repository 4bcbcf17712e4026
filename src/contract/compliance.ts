/** Where the data of this Studio is, how it is protected, what leaves the machine and how long it is kept: read from what runs, never from a text. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';
import { outgoingKinds, placeClasses } from './values.ts';

const bytes = z.int().min(0);

/** Where one class of data lies. */
const place = z.strictObject({
  class: z.enum(placeClasses),
  /** A folder, a bucket, a host, or what else holds it. */
  where: z.string(),
  /** volume: of the workspace. machine: this machine's own disk, gone with it. memory: gone with a restart. elsewhere: another machine's. */
  kept: z.enum(['volume', 'machine', 'memory', 'elsewhere']),
  /** Of the database: direct, shadow or ephemeral as the file system allows, or managed. Null for the others. */
  plan: z.enum(['direct', 'shadow', 'ephemeral', 'managed']).nullable(),
  /** What it lies on; null when it is no folder of this machine. */
  disk: z.strictObject({ mountPoint: z.string(), type: z.string(), totalBytes: bytes, freeBytes: bytes }).nullable(),
  /** Why there, where that is worth a word. */
  note: z.string().nullable(),
});

/** Values sealed in the database, one kind a row. */
const sealed = z.strictObject({
  what: z.enum(['secrets', 'credentials', 'idempotency_replies']),
  count: z.int(),
  /** Sealed with another key: they can't be opened. */
  unreadable: z.int(),
});

const compliance = z.strictObject({
  at: timestamp,
  version: z.string(),
  host: z.string(),
  workspacePath: z.string(),
  places: z.array(place),
  encryption: z.strictObject({
    algorithm: z.string(),
    keyDerivation: z.string(),
    /** Names the key without telling it. */
    keyId: z.string(),
    /** Where the key comes from. */
    keySource: z.string(),
    sealed: z.array(sealed),
    backups: z.strictObject({
      /** Whether new backups are sealed when nobody gives another passphrase. */
      isSealed: z.boolean(),
      algorithm: z.string(),
      keyDerivation: z.string(),
      keySource: z.string().nullable(),
    }),
  }),
  hashing: z.array(
    z.strictObject({
      what: z.enum(['passwords', 'tokens', 'access_tokens', 'database_roles']),
      algorithm: z.string(),
      /** How many are stored; null where nothing is. */
      count: z.int().nullable(),
      note: z.string(),
    }),
  ),
  transport: z.strictObject({
    scheme: z.enum(['http', 'https']),
    address: z.string(),
    certificate: z.strictObject({ subject: z.string(), issuer: z.string(), validFrom: timestamp, validTo: timestamp }).nullable(),
    /** Why there is none although one is configured. */
    certificateFault: z.string().nullable(),
    asksClientCertificates: z.boolean(),
    proxy: z.strictObject({ isTrusted: z.boolean(), hops: z.strictObject({ for: z.int(), proto: z.int(), host: z.int(), port: z.int(), prefix: z.int() }) }),
    publicOrigin: z.string().nullable(),
    allowedHosts: z.array(z.string()),
    corsOrigins: z.array(z.string()),
    /** How Studio reaches its database: the protocol of TLS, a socket of this machine, or in clear. */
    database: z.string(),
    redis: z.string(),
  }),
  /** A row a kind, also where nothing leaves. */
  outgoing: z.array(
    z.strictObject({
      kind: z.enum(outgoingKinds),
      /** Hosts alone: no paths, no names, no keys. */
      hosts: z.array(z.string()),
      /** What decides it. */
      setBy: z.string(),
      note: z.string().nullable(),
    }),
  ),
  /** Days; null: for ever. `hours` where less than a day counts. */
  retention: z.array(z.strictObject({ class: z.string(), days: z.number().nullable(), setBy: z.string(), note: z.string().nullable() })),
  rights: z.array(z.strictObject({ what: z.string(), call: z.string(), page: z.string().nullable() })),
});
export type Compliance = z.infer<typeof compliance>;

export const complianceEndpoints = [
  endpoint({
    key: 'GET /api/v1/system/compliance',
    tag: 'machine',
    summary: 'Where data is, how it is protected, what leaves the machine, how long it is kept',
    description: 'Read from the configuration, the database and the disks at the moment of the call. Holds no secret, no key and no content.',
    status: 200,
    reply: compliance,
  }),
] as const;
