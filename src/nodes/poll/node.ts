/** poll: asks again and again until an expression over the answer holds. Between tries it is a row with a time, and holds nothing. */
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import { isTruthy } from '../../kernel/json.ts';
import { bodyOf, exchange, headOf, requestParams, urlProblems } from '../kit-http.ts';
import { asField, defineNode, inPort, NodeError, outPort, type NodeContext, type NodeResult } from '../kit.ts';

const DAY_MS = 86_400_000;

const params = z.strictObject({
  request: z.strictObject(requestParams).describe('What to ask, as http.request takes it'),
  until: z
    .string()
    .min(1)
    .max(10_000)
    .describe('An expression over response, attempt, input, item and index, without braces: true ends it')
    .meta(asField({ control: 'expression', names: ['response', 'attempt'] })),
  intervalMs: z.int().min(100).max(DAY_MS).default(5_000).describe('Before the second try'),
  factor: z.number().min(1).max(10).default(1).describe('Each pause is so many times the one before'),
  maxIntervalMs: z.int().min(100).max(DAY_MS).default(300_000),
  maxAttempts: z.int().min(1).max(100_000).default(100),
  timeoutMs: z
    .int()
    .min(1)
    .max(31 * DAY_MS)
    .optional()
    .describe('No try begins later than so long after the first'),
});
type Params = z.infer<typeof params>;

/** Of the tries before this one. */
interface State {
  readonly attempts: number;
  readonly pauseMs: number;
}

export const poll = defineNode({
  type: 'poll',
  version: 1,
  title: 'Poll',
  summary: 'Asks a web server again and again until its answer says what is hoped for.',
  category: 'network',
  inputs: inPort,
  outputs: outPort,
  params,
  rawParams: ['until'],
  ownExpressions: { until: ['response', 'attempt', 'input', 'item', 'index'] },
  example: {
    request: { method: 'GET', url: 'https://api.example.com/builds/7' },
    until: "response.body.state = 'done'",
    intervalMs: 5_000,
    factor: 1.5,
    maxAttempts: 40,
  },
  docs: `\`until\` sees \`response\` (\`status\`, \`headers\`, \`body\`; JSON is parsed), \`attempt\` (1 for the first), \`input\`, \`item\` and \`index\`. Any status is an answer that \`until\` judges; a server that can't be reached counts as a try. Between tries the step is \`waiting\`: it holds no slot, survives restarts and says when it asks next.

Output: \`{ status, headers, body, attempts }\` of the last answer.

Connects where \`http.request\` does: public addresses, and hosts an administrator allowed.

Errors: \`poll_exhausted\` after \`maxAttempts\` or \`timeoutMs\`, with the last answer in its details; \`egress_refused\` and \`reply_too_large\` (final); \`expression_failed\`.`,
  credentialParams: ['request.auth.credential'],
  check: (node) => urlProblems(urlOf(node.params?.['request']), 'params.request.url'),
  runs: 'inline',
  pure: false,
  async run(values, context) {
    const { attempts, pauseMs } = (context.state as unknown as State | undefined) ?? { attempts: 0, pauseMs: values.intervalMs };
    const attempt = attempts + 1;
    const answer = await ask(values, context);
    if (!(answer instanceof NodeError)) {
      const { scope } = context;
      const names = { response: answer, attempt, input: scope.input, item: scope.item ?? null, index: scope.index ?? null };
      if (isTruthy(await context.evaluate(values.until, names))) return { kind: 'output', output: { ...answer, attempts: attempt } };
    }
    const said = answer instanceof NodeError ? answer.message : `the answer was ${String(answer['status'])}`;
    return tryAgain(values, { attempt, pauseMs, said, answer }, context.elapsedMs);
  },
});

/** A server that is not there yet is what polling is for; a refusal is not. */
async function ask(values: Params, context: NodeContext): Promise<Record<string, Json> | NodeError> {
  try {
    const reply = await exchange(values.request, context);
    return { status: reply.status, headers: { ...reply.headers }, body: await bodyOf(reply, context) };
  } catch (error) {
    if (error instanceof NodeError && !error.final) return error;
    throw error;
  }
}

interface Tried extends Omit<State, 'attempts'> {
  readonly attempt: number;
  readonly said: string;
  readonly answer: Record<string, Json> | NodeError;
}

function tryAgain(values: Params, { attempt, pauseMs, said, answer }: Tried, elapsedMs: number): NodeResult {
  const isLate = values.timeoutMs !== undefined && elapsedMs + pauseMs > values.timeoutMs;
  if (isLate || attempt >= values.maxAttempts) {
    const limit = isLate ? `within ${values.timeoutMs ?? 0} ms` : `in ${values.maxAttempts} tries`;
    throw new NodeError('poll_exhausted', `"${values.until.slice(0, 200)}" did not hold ${limit}; at last ${said}`, { details: lastOf(answer, attempt) });
  }
  const next: State = { attempts: attempt, pauseMs: Math.min(values.maxIntervalMs, Math.ceil(pauseMs * values.factor)) };
  const message = `try ${attempt} of ${values.maxAttempts}: ${said}; asks again in ${Math.round(pauseMs / 100) / 10} s`;
  return { kind: 'wait', wait: { kind: 'again', afterMs: pauseMs, message, state: next as unknown as Json } };
}

/** Details of an error are shown, not needed: a long body is cut. */
function lastOf(answer: Tried['answer'], attempts: number): Json {
  if (answer instanceof NodeError) return { attempts, error: answer.code };
  const body = JSON.stringify(answer['body'] ?? null);
  return { attempts, status: answer['status'] ?? null, body: body.length > 2_000 ? headOf(body) : (answer['body'] ?? null) };
}

function urlOf(request: Json | undefined): Json | undefined {
  return typeof request === 'object' && request !== null && !Array.isArray(request) ? request['url'] : undefined;
}
