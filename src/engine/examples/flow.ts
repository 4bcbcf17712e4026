/** Examples of how data and control flow: maps, loops, branches, merges, errors, called workflows. Data only. */
import type { ExampleWorkflow } from '../../contract/examples.ts';
import { bodyOf } from './body.ts';

/** Three pages of two, as a server with a cursor gives them. */
const page = `const pages = [['a', 'b'], ['c', 'd'], ['e']];
return { rows: pages[index], more: index < pages.length - 1 };`;

const gather = `const seen = steps.pages.output;
return { rounds: seen.iterations, last: seen.output.rows };`;

export const flowExamples: readonly ExampleWorkflow[] = [
  {
    id: 'map-files',
    group: 'flow',
    title: 'Map over files',
    summary: 'Writes a file for each name of a list, a few at a time, and gathers what came of each in order.',
    definition: {
      nodes: [
        {
          key: 'each',
          type: 'map',
          name: 'Each name',
          params: {
            items: '{{ input.names }}',
            concurrency: 4,
            onItemError: 'collect',
            body: bodyOf([
              { key: 'write', type: 'file.write', params: { path: 'greetings/{{ item }}.txt', content: 'Hello, {{ item }}. You are number {{ index + 1 }}.' } },
            ]),
          },
        },
        { key: 'report', type: 'set', params: { values: { written: '{{ $count(steps.each.output.items) }}', failed: '{{ steps.each.output.failed }}' } } },
      ],
      edges: [{ from: 'each', to: 'report' }],
      inputSchema: { type: 'object', properties: { names: { type: 'array', items: { type: 'string' }, title: 'Names' } }, required: ['names'] },
    },
    input: { names: ['ada', 'grace', 'katherine'] },
  },
  {
    id: 'map-nested',
    group: 'flow',
    title: 'Maps inside maps',
    summary: 'Goes through a table row by row and cell by cell; inside, parent.index reaches the row.',
    definition: {
      nodes: [
        {
          key: 'rows',
          type: 'map',
          params: {
            items: '{{ input.rows }}',
            body: bodyOf([
              {
                key: 'cells',
                type: 'map',
                params: {
                  items: '{{ item }}',
                  body: bodyOf([{ key: 'cell', type: 'set', params: { values: { at: '{{ parent.index & ":" & index }}', twice: '{{ item * 2 }}' } } }]),
                },
              },
            ]),
          },
        },
      ],
      edges: [],
    },
    input: { rows: [[1, 2], [3]] },
  },
  {
    id: 'loop-pages',
    group: 'flow',
    title: 'Loop over pages',
    summary: 'Asks for one page after another while the last one said that there is more.',
    definition: {
      nodes: [
        {
          key: 'pages',
          type: 'loop',
          params: {
            while: 'index = 0 or previous.more',
            maxIterations: 50,
            body: bodyOf([{ key: 'page', type: 'code.js', name: 'Fetch a page', params: { source: page } }]),
          },
        },
        { key: 'gather', type: 'code.js', params: { source: gather } },
      ],
      edges: [{ from: 'pages', to: 'gather' }],
    },
  },
  {
    id: 'branch-reason',
    group: 'flow',
    title: 'Branch with a reason',
    summary: 'Goes one of three ways by an amount; the step says why it went there.',
    definition: {
      nodes: [
        {
          key: 'size',
          type: 'branch.switch',
          params: {
            value: '{{ input.amount }}',
            cases: [
              { port: 'large', when: '{{ input.amount > 1000 }}' },
              { port: 'odd', when: '{{ input.amount < 0 }}' },
            ],
            default: 'small',
          },
        },
        { key: 'review', type: 'set', params: { values: { to: 'a person' } } },
        { key: 'refuse', type: 'set', params: { values: { to: 'nobody' } } },
        { key: 'pay', type: 'set', params: { values: { to: 'the bank' } } },
      ],
      edges: [
        { from: 'size.large', to: 'review' },
        { from: 'size.odd', to: 'refuse' },
        { from: 'size.small', to: 'pay' },
      ],
      inputSchema: { type: 'object', properties: { amount: { type: 'number', title: 'Amount' } }, required: ['amount'] },
    },
    input: { amount: 2_500 },
  },
  {
    id: 'merge-any',
    group: 'flow',
    title: 'First answer wins',
    summary: 'Two ways lead to one merge; it goes on with whichever is first and drops the late one.',
    definition: {
      nodes: [
        { key: 'quick', type: 'set', params: { values: { from: 'the cache' } } },
        { key: 'slow', type: 'wait.timer', params: { durationMs: 300 } },
        { key: 'first', type: 'merge', params: { mode: 'any' } },
        { key: 'answer', type: 'set', params: { values: { by: '{{ steps.first.output.from }}' } } },
      ],
      edges: [
        { from: 'quick', to: 'first' },
        { from: 'slow', to: 'first' },
        { from: 'first', to: 'answer' },
      ],
    },
  },
  {
    id: 'error-branch',
    group: 'flow',
    title: 'Error branch',
    summary: 'A step that fails leads to what makes up for it, and the instance completes.',
    definition: {
      nodes: [
        { key: 'charge', type: 'code.js', params: { source: "throw new Error('the card was declined');" } },
        { key: 'ship', type: 'noop' },
        { key: 'apologise', type: 'template', params: { text: 'Sorry: {{ steps.charge.error.message }}' } },
      ],
      edges: [
        { from: 'charge', to: 'ship' },
        { from: 'charge.error', to: 'apologise' },
      ],
    },
  },
  {
    id: 'call-child',
    group: 'flow',
    title: 'A workflow to be called',
    summary: 'Says hello to a name: the child of the next example.',
    definition: {
      nodes: [{ key: 'greet', type: 'template', params: { text: 'Hello, {{ input.name }}.' } }],
      edges: [],
      inputSchema: { type: 'object', properties: { name: { type: 'string', title: 'Name' } }, required: ['name'] },
    },
    input: { name: 'Ada' },
  },
  {
    id: 'call-parent',
    group: 'flow',
    title: 'Call a workflow',
    summary: 'Runs another workflow as a step and goes on with what it gave; give it the id of one that takes a name.',
    definition: {
      nodes: [
        { key: 'call', type: 'workflow.call', params: { workflowId: '{{ input.workflowId }}', input: { name: '{{ input.name }}' } } },
        { key: 'answer', type: 'set', params: { values: { child: '{{ steps.call.output }}' } } },
      ],
      edges: [{ from: 'call', to: 'answer' }],
      inputSchema: {
        type: 'object',
        properties: { workflowId: { type: 'string', title: 'Workflow' }, name: { type: 'string', title: 'Name' } },
        required: ['workflowId', 'name'],
      },
    },
    input: { workflowId: 'wf_…', name: 'Ada' },
  },
];
