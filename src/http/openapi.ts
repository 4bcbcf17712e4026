/** OpenAPI 3.1 from the contract and the table of rights. Pure; made once, at the first time somebody asks.
 *  One thing to know: bodies are described as they are sent (before defaults), replies as they arrive. */
import * as z from 'zod';
import { apiKey } from '../contract/api-keys.ts';
import { auditEntry } from '../contract/audit.ts';
import { session, signedIn, user } from '../contract/auth.ts';
import { json, type EndpointSpec } from '../contract/endpoint.ts';
import { errorBody, errorCodes, type ErrorCode } from '../contract/error.ts';
import { envelope } from '../contract/events.ts';
import { file } from '../contract/files.ts';
import { definition, graphEdge, graphNode, problem, trigger } from '../contract/graph.ts';
import { instance, instanceSummary, step } from '../contract/instances.ts';
import { gpu } from '../contract/gpus.ts';
import { gpuLease } from '../contract/gpu-leases.ts';
import { artifact } from '../contract/artifacts.ts';
import { job } from '../contract/jobs.ts';
import { queue } from '../contract/queues.ts';
import { worker } from '../contract/workers.ts';
import { member } from '../contract/members.ts';
import { nodeType } from '../contract/node-types.ts';
import { secret } from '../contract/secrets.ts';
import { service } from '../contract/services.ts';
import { settings } from '../contract/settings.ts';
import { workflow, workflowSummary } from '../contract/workflows.ts';
import { policy, type Rule } from '../identity/policy.ts';
import { splitKey } from './mount.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Shapes that several calls share, by the name they have in the document. */
const NAMED = {
  Json: json,
  User: user,
  SignedIn: signedIn,
  Session: session,
  ApiKey: apiKey,
  Member: member,
  Secret: secret,
  Settings: settings,
  AuditEntry: auditEntry,
  Node: graphNode,
  Edge: graphEdge,
  Trigger: trigger,
  Definition: definition,
  Problem: problem,
  Workflow: workflow,
  WorkflowSummary: workflowSummary,
  Instance: instance,
  InstanceSummary: instanceSummary,
  Step: step,
  NodeType: nodeType,
  Job: job,
  Artifact: artifact,
  Queue: queue,
  Worker: worker,
  Gpu: gpu,
  GpuLease: gpuLease,
  Service: service,
  File: file,
  Event: envelope,
  Error: errorBody,
} as const satisfies Record<string, z.ZodType>;

/** Every route can answer these. */
const COMMON: readonly ErrorCode[] = ['unauthenticated', 'forbidden', 'rate_limited', 'internal', 'database_unavailable'];

/** One call as the document and the reference page show it. */
export interface Operation {
  readonly spec: EndpointSpec;
  readonly method: string;
  /** With `{name}` only: OpenAPI knows no rest parameters. */
  readonly path: string;
  readonly rule: Rule | undefined;
  readonly params: JsonSchema | undefined;
  readonly query: JsonSchema | undefined;
  readonly body: JsonSchema | undefined;
  readonly reply: JsonSchema | undefined;
  readonly errors: readonly ErrorCode[];
}

export interface Described {
  readonly operations: readonly Operation[];
  readonly components: Readonly<Record<string, JsonSchema>>;
}

/** The contract as JSON Schema. */
export function describe(specs: readonly EndpointSpec[]): Described {
  const sent = z.registry<{ id: string }>();
  const received = z.registry<{ id: string }>();
  for (const [name, schema] of Object.entries(NAMED)) {
    sent.add(schema, { id: `${name}Input` });
    received.add(schema, { id: name });
  }
  for (const spec of specs) {
    for (const [part, schema] of Object.entries({ params: spec.params, query: spec.query, body: spec.body }))
      if (schema !== undefined && !sent.has(schema)) sent.add(schema, { id: ownName(spec.key, part) });
    if (!received.has(spec.reply)) received.add(spec.reply, { id: ownName(spec.key, 'reply') });
  }
  const schemas = { ...schemasOf(sent, 'input'), ...schemasOf(received, 'output') };
  const of = (registry: z.core.$ZodRegistry<{ id: string }>, schema: z.ZodType | undefined): JsonSchema | undefined => {
    const id = schema === undefined ? undefined : registry.get(schema)?.id;
    if (id === undefined) return undefined;
    return id.includes('.') ? schemas[id] : { $ref: `#/components/schemas/${id}` };
  };
  const operations = specs.map((spec) => {
    const { method, path } = splitKey(spec.key);
    const rule = (policy as Readonly<Record<string, Rule | undefined>>)[spec.key];
    const isPublic = rule !== undefined && 'access' in rule;
    const inputs: ErrorCode[] = [
      ...((spec.params ?? spec.query) ? (['invalid_query'] as const) : []),
      ...(spec.body === undefined ? [] : (['invalid_body', 'too_large'] as const)),
    ];
    return {
      spec,
      method,
      path: path.replace('+}', '}'),
      rule,
      params: of(sent, spec.params),
      query: of(sent, spec.query),
      body: of(sent, spec.body),
      reply: spec.status === 204 ? undefined : of(received, spec.reply),
      errors: [...new Set([...inputs, ...(spec.errors ?? []), ...COMMON.filter((code) => !isPublic || code !== 'forbidden')])],
    };
  });
  // A call's own shape is written out where it stands; it is a component only when another shape refers to it.
  const referred = new Set([...JSON.stringify(schemas).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1]));
  return { operations, components: Object.fromEntries(Object.entries(schemas).filter(([id]) => !id.includes('.') || referred.has(id))) };
}

/** `GET /api/v1/uploads/{id}` and `reply` → `get.uploads.id.reply`: the dots tell it from the named shapes. */
function ownName(key: string, part: string): string {
  return `${
    key
      .toLowerCase()
      .replace('/api/v1', '')
      .match(/[a-z0-9-]+/g)
      ?.join('.') ?? key
  }.${part}`;
}

function schemasOf(registry: z.core.$ZodRegistry<{ id: string }>, io: 'input' | 'output'): Record<string, JsonSchema> {
  const { schemas } = z.toJSONSchema(registry, { io, unrepresentable: 'any', uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => {
      const { $schema: _dialect, $id: _id, ...rest } = schema as Record<string, unknown>;
      return [id, rest];
    }),
  );
}

/** The document. */
export function openapi({ operations, components }: Described, version: string): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) (paths[operation.path] ??= {})[operation.method.toLowerCase()] = operationObject(operation);
  return {
    openapi: '3.1.0',
    info: { title: 'Studio', version, description: 'A durable AI workbench for one GPU box. Everything its pages do is one of these calls.' },
    // Relative to this document, so that it holds under any path prefix.
    servers: [{ url: '../..' }],
    tags: [...new Set(operations.map(({ spec }) => spec.tag))].map((name) => ({ name })),
    security: [{ bearer: [] }, { cookie: [] }],
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An access token of auth/login, or an API key.' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'studio_session', description: 'Of a browser; changes also need an Origin of this host.' },
      },
    },
  };
}

function operationObject({ spec, rule, params, query, body, reply, errors }: Operation): JsonSchema {
  const isPublic = rule !== undefined && 'access' in rule;
  return {
    operationId: spec.key,
    tags: [spec.tag],
    summary: spec.summary,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    ...(isPublic ? { security: [] } : {}),
    ...(rule !== undefined && !('access' in rule) ? { 'x-role': rule.role, 'x-scope': rule.scope ?? '*' } : {}),
    parameters: [...parameters(params, 'path'), ...parameters(query, 'query'), ...idempotency(spec)],
    ...(body !== undefined
      ? { requestBody: { required: Array.isArray(body['required']) || '$ref' in body, content: { 'application/json': { schema: body } } } }
      : {}),
    ...(spec.bodyKind === 'bytes' ? { requestBody: { content: { 'application/octet-stream': { schema: {} } } } } : {}),
    responses: { [spec.status]: responseObject(spec, reply), ...errorResponses(errors) },
  };
}

function idempotency(spec: EndpointSpec): readonly JsonSchema[] {
  if (!spec.key.startsWith('POST ') || /\/api\/v1\/(auth\/|api-keys)/.test(spec.key)) return [];
  return [
    {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'The same key with the same request gets the first answer; kept 24 h.',
      schema: { type: 'string', maxLength: 255 },
    },
  ];
}

/** The properties of an object schema, each as a parameter. */
export function parameters(
  schema: JsonSchema | undefined,
  place: 'path' | 'query',
): readonly { readonly name: string; readonly in: string; readonly required: boolean; readonly schema: unknown }[] {
  const properties = (schema?.['properties'] ?? {}) as Readonly<Record<string, unknown>>;
  const required = (schema?.['required'] ?? []) as readonly string[];
  return Object.entries(properties).map(([name, property]) => ({ name, in: place, required: place === 'path' || required.includes(name), schema: property }));
}

function responseObject(spec: EndpointSpec, reply: JsonSchema | undefined): JsonSchema {
  const content =
    spec.replyType !== undefined
      ? { [spec.replyType.split(';')[0] ?? spec.replyType]: { schema: {} } }
      : reply === undefined
        ? undefined
        : { 'application/json': { schema: reply } };
  return { description: spec.summary, ...(content === undefined ? {} : { content }) };
}

function errorResponses(codes: readonly ErrorCode[]): JsonSchema {
  const byStatus = Map.groupBy(codes, (code) => errorCodes[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, same]) => [
      status,
      {
        description: same.map((code) => `${code}: ${errorCodes[code].remedy}`).join(' '),
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  );
}
