/** Examples of the policies that every node takes, and of a workflow's limits. Data only. */
import type { ExampleWorkflow } from '../../contract/examples.ts';

export const policyExamples: readonly ExampleWorkflow[] = [
  {
    id: 'retry-classes',
    group: 'policies',
    title: 'Retry what may pass',
    summary: 'Tries a request again when the server could not be reached or was busy, not when it said no.',
    definition: {
      nodes: [
        {
          key: 'ask',
          type: 'http.request',
          params: { method: 'GET', url: '{{ input.url }}' },
          retry: { maxAttempts: 5, backoffMs: 200, factor: 2, on: ['http_status', 'egress_failed', 'egress_timeout'] },
        },
      ],
      edges: [],
      inputSchema: { type: 'object', properties: { url: { type: 'string', title: 'URL' } }, required: ['url'] },
    },
    input: { url: 'https://api.example.com/busy' },
  },
  {
    id: 'cache-result',
    group: 'policies',
    title: 'Use a result again',
    summary: 'Keeps a costly result for an hour: the next run with the same input takes it and says so.',
    definition: {
      nodes: [
        {
          key: 'costly',
          type: 'code.js',
          params: { source: 'let sum = 0;\nfor (let n = 1; n <= input.n; n++) sum += n;\nreturn { sum };' },
          cache: { ttlS: 3_600, key: 'sum-to-{{ input.n }}' },
        },
      ],
      edges: [],
      inputSchema: { type: 'object', properties: { n: { type: 'integer', title: 'Up to' } }, required: ['n'] },
    },
    input: { n: 100_000 },
  },
  {
    id: 'mock-output',
    group: 'policies',
    title: 'Pin an output',
    summary: 'While the rest is built, a step answers what was pinned and asks nobody.',
    definition: {
      nodes: [
        { key: 'weather', type: 'http.request', params: { url: 'https://weather.example.com/' }, mock: { status: 200, headers: {}, body: { celsius: 21 } } },
        { key: 'say', type: 'template', params: { text: 'It is {{ steps.weather.output.body.celsius }} °C.' } },
      ],
      edges: [{ from: 'weather', to: 'say' }],
    },
  },
  {
    id: 'disabled-step',
    group: 'policies',
    title: 'Switch a step off',
    summary: 'A step that is switched off is skipped, and what follows goes on.',
    definition: {
      nodes: [
        { key: 'mail', type: 'fail', disabled: true, params: { message: 'never said' } },
        { key: 'after', type: 'set', params: { values: { went: 'on' } } },
      ],
      edges: [{ from: 'mail', to: 'after' }],
    },
  },
  {
    id: 'conditions',
    group: 'policies',
    title: 'Only under a condition',
    summary: 'A step runs when its condition holds, an edge is taken when its own does.',
    definition: {
      nodes: [
        { key: 'start', type: 'set', params: { values: { amount: '{{ input.amount }}' } } },
        { key: 'discount', type: 'set', condition: 'steps.start.output.amount >= 100', params: { values: { percent: 10 } } },
        { key: 'gift', type: 'set', params: { values: { gift: true } } },
      ],
      edges: [
        { from: 'start', to: 'discount' },
        { from: 'start', to: 'gift', when: 'steps.start.output.amount >= 1000' },
      ],
      inputSchema: { type: 'object', properties: { amount: { type: 'number', title: 'Amount' } }, required: ['amount'] },
    },
    input: { amount: 250 },
  },
  {
    id: 'limit-customers',
    group: 'policies',
    title: 'One at a time for each customer',
    summary: 'Instances of the same customer wait for one another; those of different customers run side by side.',
    definition: {
      nodes: [
        { key: 'work', type: 'wait.timer', params: { durationMs: 200 } },
        { key: 'done', type: 'set', params: { values: { customer: '{{ input.customer }}' } } },
      ],
      edges: [{ from: 'work', to: 'done' }],
      inputSchema: { type: 'object', properties: { customer: { type: 'string', title: 'Customer' } }, required: ['customer'] },
      settings: { concurrency: { limit: 1, key: 'input.customer', policy: 'queue' } },
    },
    input: { customer: 'acme' },
  },
];
