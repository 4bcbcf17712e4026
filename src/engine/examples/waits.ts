/** Examples of waiting: for time, for a call, for people, for an answer that changes. Data only. */
import type { ExampleWorkflow } from '../../contract/examples.ts';

export const waitExamples: readonly ExampleWorkflow[] = [
  {
    id: 'wait-timer',
    group: 'waits',
    title: 'Wait a while',
    summary: 'Waits half a second without holding a slot; a restart in between changes nothing.',
    definition: {
      nodes: [
        { key: 'pause', type: 'wait.timer', params: { durationMs: 500 } },
        { key: 'done', type: 'set', params: { values: { waited: '{{ steps.pause.output.waitedMs >= 500 }}' } } },
      ],
      edges: [{ from: 'pause', to: 'done' }],
    },
  },
  {
    id: 'wait-call',
    group: 'waits',
    title: 'Wait for a call',
    summary: 'Waits until somebody calls the URL of the step, and goes on with what the call brought.',
    definition: {
      nodes: [
        {
          key: 'paid',
          type: 'wait.webhook',
          name: 'Wait for the payment',
          params: { timeoutMs: 86_400_000, onTimeout: 'continue', message: 'waits for the bank to call' },
        },
        { key: 'thank', type: 'template', params: { text: 'Thank you for {{ steps.paid.output.body.amount }}.' } },
        { key: 'remind', type: 'template', params: { text: 'You have not paid yet.' } },
      ],
      edges: [
        { from: 'paid.received', to: 'thank' },
        { from: 'paid.timeout', to: 'remind' },
      ],
    },
  },
  {
    id: 'approval',
    group: 'waits',
    title: 'Ask for approval',
    summary: 'A person looks, fills in a price and approves, or rejects and says why.',
    definition: {
      nodes: [
        {
          key: 'review',
          type: 'approval',
          params: {
            title: 'Send the offer to {{ input.customer }}?',
            message: 'Check the address before you approve.',
            form: {
              type: 'object',
              properties: {
                price: { type: 'number', minimum: 0, title: 'Price', description: 'In euros, without tax.' },
                express: { type: 'boolean', title: 'Send it by express' },
              },
              required: ['price'],
            },
            timeoutMs: 604_800_000,
            onTimeout: 'reject',
          },
        },
        { key: 'send', type: 'template', params: { text: 'Offer to {{ input.customer }}: {{ steps.review.output.form.price }} euros.' } },
        { key: 'file', type: 'template', params: { text: 'Rejected: {{ steps.review.output.comment }}' } },
      ],
      edges: [
        { from: 'review.approved', to: 'send' },
        { from: 'review.rejected', to: 'file' },
      ],
      inputSchema: { type: 'object', properties: { customer: { type: 'string', title: 'Customer' } }, required: ['customer'] },
    },
    input: { customer: 'Ada Lovelace' },
  },
  {
    id: 'manual-step',
    group: 'waits',
    title: 'Start a step by hand',
    summary: 'The second step waits until a person lets it start.',
    definition: {
      nodes: [
        { key: 'prepare', type: 'set', params: { values: { ready: true } } },
        { key: 'release', type: 'template', start: 'manual', params: { text: 'Released.' } },
      ],
      edges: [{ from: 'prepare', to: 'release' }],
    },
  },
  {
    id: 'poll-health',
    group: 'waits',
    title: 'Poll until it is ready',
    summary: 'Asks a server every few seconds, ever more seldom, until it answers that it is well.',
    definition: {
      nodes: [
        {
          key: 'ready',
          type: 'poll',
          params: {
            request: { method: 'GET', url: '{{ input.url }}' },
            until: "response.status = 200 and response.body.status in ['ok', 'degraded']",
            intervalMs: 500,
            factor: 1.5,
            maxAttempts: 40,
          },
        },
        { key: 'say', type: 'set', params: { values: { tries: '{{ steps.ready.output.attempts }}', status: '{{ steps.ready.output.body.status }}' } } },
      ],
      edges: [{ from: 'ready', to: 'say' }],
      inputSchema: { type: 'object', properties: { url: { type: 'string', title: 'URL' } }, required: ['url'] },
    },
    input: { url: 'https://studio.example.com/health' },
  },
];
