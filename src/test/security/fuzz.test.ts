import { deepEqual } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { startApp, type TestApp } from '../app.ts';
import { arbitraryOf } from '../schema-arbitrary.ts';
import { routes, type TestedRoute } from './routes.ts';
import { makeThings, realParams, type Things } from './things.ts';

/** More with STUDIO_TEST_FUZZ; a failing case prints its seed, which STUDIO_TEST_SEED repeats. */
const RUNS = Number(process.env['STUDIO_TEST_FUZZ'] ?? 15);
const SEED = Number(process.env['STUDIO_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

let app: TestApp;
let things: Things;
before(async () => {
  app = await startApp();
  things = await makeThings(app.people.superAdmin);
});
after(() => app.close());

/** They end what the others need: the session, the paused queue (nothing generated may run), services, the way in for all but one. */
const LEFT_OUT = [
  'POST /api/v1/auth/logout',
  'DELETE /api/v1/auth/sessions/{id}',
  'PATCH /api/v1/queues/{name}',
  'PUT /api/v1/system/maintenance',
  // They would run whatever words were made up.
  'POST /api/v1/services',
  'PUT /api/v1/services/{name}',
  'PUT /api/v1/idle',
  'POST /api/v1/backups',
  'PUT /api/v1/backups/settings',
  'POST /api/v1/users/me/password',
  'DELETE /api/v1/orgs/current/members/{userId}',
  'PATCH /api/v1/orgs/current/members/{userId}',
  'PATCH /api/v1/users/me',
];

interface Generated {
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
}

const anyText = fc.oneof(
  fc.string({ minLength: 1, maxLength: 30 }),
  fc.string({ minLength: 1, maxLength: 30, unit: 'binary' }),
  fc.constantFrom('..', '%00', "' or 1=1 --", '🙂', '0', '-1', '1e9', 'NaN'),
);

function requestsOf(route: TestedRoute): fc.Arbitrary<Generated> {
  const real = realParams(route, things) ?? {};
  const params = fc.record(
    Object.fromEntries(
      route.params.map((name) => [
        name,
        real[name] === undefined ? anyText : fc.oneof({ weight: 3, arbitrary: fc.constant(real[name]) }, { weight: 1, arbitrary: anyText }),
      ]),
    ),
  );
  const fuzzed = (schema: Parameters<typeof arbitraryOf>[0] | undefined): fc.Arbitrary<unknown> =>
    schema === undefined
      ? fc.constant(undefined)
      : fc.oneof({ weight: 4, arbitrary: arbitraryOf(schema) }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) });
  return fc.record({ params, query: fuzzed(route.spec.query), body: route.spec.bodyKind === 'bytes' ? anyText : fuzzed(route.spec.body) });
}

for (const route of routes.filter((candidate) => !LEFT_OUT.includes(candidate.key))) {
  test(`whatever is sent to ${route.key}, the answer is its reply or a refusal by the contract`, async () => {
    await fc.assert(
      fc.asyncProperty(requestsOf(route), async (generated) => {
        const reply = await app.people.superAdmin.client.call(route.method, pathWith(route, generated), {
          body: generated.body,
          headers: { 'if-match': '*' },
          timeoutMs: 30_000,
        });
        if (reply.status >= 500) throw new Error(`${reply.status} ${reply.text}`);
        if (reply.status >= 400) deepEqual(route.refusal.safeParse(reply.body).error, undefined);
        // `steps/../cancel` is the cancel of the instance: another route, with a reply of its own.
        else if (isHere(generated) && route.spec.replyType === undefined && reply.status === route.spec.status && reply.text !== '')
          deepEqual(route.spec.reply.safeParse(reply.body).error, undefined);
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
  });
}

/** Whether the path leads to the route it is made for: dots are taken out of an address before anybody matches it. */
function isHere({ params }: Generated): boolean {
  return !Object.values(params).some((value) => value === '.' || value === '..');
}

function pathWith(route: TestedRoute, { params, query }: Generated): string {
  const path = route.template.replaceAll(/\{(\w+)(\+?)\}/g, (_, name: string) => encodeText(params[name] ?? 'x'));
  const pairs = typeof query === 'object' && query !== null ? Object.entries(query) : [];
  // Waits are cut short: what is tested is the answer.
  const text = pairs
    .filter(([, value]) => value !== undefined)
    .map(
      ([name, value]) =>
        `${encodeText(name)}=${encodeText(name === 'wait' || name === 'follow' ? '0' : typeof value === 'string' ? value : JSON.stringify(value))}`,
    );
  return text.length === 0 ? path : `${path}?${text.join('&')}`;
}

function encodeText(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
