/** API tests as tables: a request, the answer it must get, and the events that must follow. No event named means that none may be:
 *  each scenario also asserts that nothing else happened. */
import { deepEqual, equal, partialDeepStrictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../contract/error.ts';
import type { EventType } from '../contract/events.ts';
import { asObject } from './api-client.ts';
import type { TestApp } from './app.ts';
import type { People } from './people.ts';

export interface Scenario {
  readonly name: string;
  /** Default: superAdmin. */
  readonly as?: keyof People | 'anonymous';
  /** `METHOD /path`; a function where ids of earlier scenarios stand in it. */
  readonly request: string | (() => string);
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly expect: {
    readonly status: number;
    /** Of a refusal. */
    readonly code?: ErrorCode;
    /** Each must stand in the refusal's message: the thing, the value, the limit. */
    readonly says?: readonly (string | RegExp)[];
    /** A part of the reply. */
    readonly body?: object;
  };
  /** Types written to the outbox, in order. Default: none. */
  readonly events?: readonly EventType[];
  /** Keeps what later scenarios need. */
  readonly keep?: (body: Record<string, unknown>) => void;
}

/** One test a scenario, in order. @param appOf the app, once `before` has run */
export function testScenarios(appOf: () => TestApp, scenarios: readonly Scenario[]): void {
  for (const scenario of scenarios) test(scenario.name, () => runScenario(appOf(), scenario));
}

async function runScenario(app: TestApp, scenario: Scenario): Promise<void> {
  const [method = '', path = ''] = (typeof scenario.request === 'string' ? scenario.request : scenario.request()).split(' ');
  const who = scenario.as ?? 'superAdmin';
  const client = who === 'anonymous' ? app.anonymous : app.people[who].client;
  const from = await lastPosition(app);
  const reply = await client.call(method, path, { body: scenario.body, ...(scenario.headers === undefined ? {} : { headers: scenario.headers }) });
  const { status, code, says = [], body } = scenario.expect;
  equal(reply.status, status, reply.text.slice(0, 2_000));
  const error = asObject(asObject(reply.body)['error']);
  equal(error['code'], code);
  for (const words of says) equal(new RegExp(words).test(String(error['message'])), true, `"${String(error['message'])}" does not say ${String(words)}`);
  if (body !== undefined) partialDeepStrictEqual(reply.body, body);
  const { rows } = await app.admin.query<{ type: string }>('select type from outbox where position > $1 order by position', [from]);
  deepEqual(
    rows.map((row) => row.type),
    scenario.events ?? [],
  );
  scenario.keep?.(asObject(reply.body));
}

/** What an earlier test started may still be ending. */
async function lastPosition(app: TestApp): Promise<string> {
  for (let look = 0; look < 100; look++) {
    const { rows: busy } = await app.admin.query<{ n: number }>(`select count(*)::int as n from instances where status in ('pending', 'running')`);
    if (busy[0]?.n === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { rows } = await app.admin.query<{ last: string }>('select coalesce(max(position), 0)::text as last from outbox');
  return rows[0]?.last ?? '0';
}
