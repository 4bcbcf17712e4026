/** Examples of what starts a workflow by itself. Data only. */
import type { ExampleWorkflow } from '../../contract/examples.ts';

export const triggerExamples: readonly ExampleWorkflow[] = [
  {
    id: 'cron-report',
    group: 'triggers',
    title: 'Every weekday at seven',
    summary: 'Runs by a schedule in a time zone, catches up one missed time, and never beside itself.',
    definition: {
      nodes: [{ key: 'report', type: 'template', params: { text: 'Report of {{ input.area }}.' } }],
      edges: [],
      triggers: [
        {
          key: 'mornings',
          type: 'cron',
          params: { expression: '0 7 * * 1-5', timezone: 'Europe/Berlin', catchUp: 'one', overlap: 'skip', input: { area: 'sales' } },
          enabled: true,
        },
      ],
    },
    input: { area: 'sales' },
  },
  {
    id: 'webhook-order',
    group: 'triggers',
    title: 'Start by a call',
    summary: 'Another system posts an order to the URL of the trigger; copies of one delivery start one instance.',
    definition: {
      nodes: [{ key: 'order', type: 'set', params: { values: { number: '{{ input.body.number }}' } } }],
      edges: [],
      triggers: [{ key: 'orders', type: 'webhook', params: { auth: 'none' }, enabled: true }],
    },
    input: { body: { number: 7 } },
  },
  {
    id: 'form-request',
    group: 'triggers',
    title: 'Start by a form',
    summary: 'People of the organisation fill in a form; its fields are the input schema.',
    definition: {
      nodes: [{ key: 'answer', type: 'template', params: { text: '{{ input.name }} asks for {{ input.what }}.' } }],
      edges: [],
      inputSchema: {
        type: 'object',
        properties: { name: { type: 'string', title: 'Your name' }, what: { type: 'string', title: 'What do you need?', enum: ['a desk', 'a key', 'help'] } },
        required: ['name', 'what'],
      },
      triggers: [{ key: 'request', type: 'form', params: { title: 'Ask the office', submitLabel: 'Send', access: 'members' }, enabled: true }],
    },
    input: { name: 'Ada', what: 'a key' },
  },
  {
    id: 'event-follow',
    group: 'triggers',
    title: 'Start by an event',
    summary: 'Whenever an instance of another workflow fails, this one takes note of it.',
    definition: {
      nodes: [{ key: 'note', type: 'set', params: { values: { failed: '{{ input.entity_id }}', of: '{{ input.payload.workflowName }}' } } }],
      edges: [],
      triggers: [{ key: 'failures', type: 'event', params: { types: ['engine:instance:failed'] }, enabled: true }],
    },
    input: { entity_id: 'inst_…', payload: {} },
  },
  {
    id: 'file-drop',
    group: 'triggers',
    title: 'Start by a file',
    summary: 'Every CSV that is put under inbox/ is read and its rows are counted.',
    definition: {
      nodes: [
        { key: 'read', type: 'file.read', params: { path: '{{ input.path }}', as: 'csv' } },
        { key: 'count', type: 'set', params: { values: { rows: '{{ $count(steps.read.output.content) }}' } } },
      ],
      edges: [{ from: 'read', to: 'count' }],
      triggers: [{ key: 'inbox', type: 'file', params: { prefix: 'inbox/', pattern: '*.csv', settleMs: 500 }, enabled: true }],
    },
    input: { path: 'inbox/rows.csv' },
  },
];
