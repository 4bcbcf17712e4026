/** wait.webhook: waits until somebody calls the step's URL. Who may call is judged before the signal (engine/callbacks.ts). */
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import { asField, defineNode, inPort, NodeError } from '../kit.ts';

/** One year: who waits longer has forgotten it. */
const MAX_WAIT_MS = 366 * 86_400_000;

const params = z
  .strictObject({
    timeoutMs: z.int().min(1).max(MAX_WAIT_MS).optional().describe('How long to wait, in ms; without it the step waits until it is cancelled'),
    onTimeout: z.enum(['fail', 'continue']).default('fail').describe('What to do when nobody called: fail, or leave by the port timeout'),
    methods: z
      .array(z.enum(['GET', 'POST']))
      .min(1)
      .default(['POST'])
      .describe('Which methods count; GET so that a link can be clicked'),
    auth: z.enum(['none', 'header', 'hmac']).default('none').describe('How a caller shows that it may; none: whoever knows the URL'),
    secret: z
      .string()
      .max(64)
      .optional()
      .describe('Name of the org secret that authenticates a caller')
      .meta(asField({ control: 'secret' })),
    header: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,100}$/, 'a header name is letters, digits and -')
      .optional()
      .describe('Which header carries the secret (X-Studio-Secret) or the signature (X-Studio-Signature)'),
    message: z.string().max(1_000).optional().describe('What it waits for, for those who look'),
  })
  .refine((values) => (values.auth === 'none') === (values.secret === undefined), {
    path: ['secret'],
    message: 'give the name of a secret with auth "header" or "hmac", and none with "none"',
  });
type Params = z.infer<typeof params>;

/** What the waiting step keeps, and whoever lets calls in reads. */
interface State {
  readonly call: { readonly auth: Params['auth']; readonly methods: Params['methods']; readonly secret?: string; readonly header?: string };
  readonly onTimeout: Params['onTimeout'];
  readonly shown: Json;
}

export const waitWebhook = defineNode({
  type: 'wait.webhook',
  version: 1,
  title: 'Wait for a call',
  summary: 'Waits until somebody calls a URL of its own, and hands on what came.',
  category: 'flow',
  inputs: inPort,
  outputs: [
    { name: 'received', title: 'Received', kind: 'json' },
    { name: 'timeout', title: 'Timeout', kind: 'json' },
  ],
  params,
  portOf: (output) => (isTimeout(output) ? 'timeout' : 'received'),
  example: { timeoutMs: 86_400_000, onTimeout: 'continue', methods: ['POST'], auth: 'none' },
  docs: `The step is \`waiting\`; its URL, \`/webhooks/cb_…\` of this Studio, is the \`url\` of its \`waitReason\`. Hand it to whoever shall call from a step that runs beside it: read \`GET /api/v1/instances/{id}/steps?path=…\`, or listen to \`engine:step:waiting\`.

The first call that is let in counts and is answered 202; every later one, and any after the timeout, is refused and changes nothing. Leaves by the port \`received\`. Output: \`{ method, headers, query, body, receivedAt }\`; JSON bodies are parsed, credentials are left out.

\`auth\`: \`none\` (whoever knows the URL), \`header\` (the secret in X-Studio-Secret) or \`hmac\` (X-Studio-Delivery, X-Studio-Timestamp and X-Studio-Signature, as for webhook triggers). A secret that is missing lets nobody in.

With \`onTimeout\` \`continue\` it leaves by the port \`timeout\` with \`{ timedOut: true }\`. An edge that names no port is taken both ways.

Errors: \`timeout\`.`,
  runs: 'inline',
  pure: false,
  run(values) {
    const call = { auth: values.auth, methods: values.methods, ...given('secret', values.secret), ...given('header', values.header) };
    const state: State = { call, onTimeout: values.onTimeout, shown: { methods: [...values.methods], auth: values.auth } };
    return {
      kind: 'wait',
      wait: {
        kind: 'webhook',
        message: values.message ?? `waits for a call of its URL (${values.methods.join(' or ')})`,
        state: state as unknown as Json,
        timeoutMs: values.timeoutMs,
      },
    };
  },
  resume(signal, kept) {
    const state = kept as unknown as State;
    if (signal.kind === 'callback') return { kind: 'output', output: signal.payload, port: 'received' };
    if (signal.kind !== 'timeout') throw new NodeError('refused', 'this step waits for a call of its URL, not for a decision');
    if (state.onTimeout === 'fail') throw new NodeError('timeout', 'nobody called the URL of this step in time');
    return { kind: 'output', output: { timedOut: true }, port: 'timeout', reason: 'nobody called in time' };
  },
});

function given<Key extends string>(key: Key, value: string | undefined): Partial<Record<Key, string>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, string>);
}

function isTimeout(output: Json): boolean {
  return typeof output === 'object' && output !== null && !Array.isArray(output) && output['timedOut'] === true;
}
