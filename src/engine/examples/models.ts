/** Examples of steps that ask models. Data only. The model is an input: whatever `GET /v1/models` lists. */
import type { ExampleWorkflow } from '../../contract/examples.ts';
import { exampleFilePath } from '../../contract/values.ts';

const model = { type: 'string', title: 'Model' } as const;

export const modelExamples: readonly ExampleWorkflow[] = [
  {
    id: 'model-summarise',
    group: 'models',
    needs: ['a model'],
    title: 'Summarise a file',
    summary: 'Reads a file and lets a model of this machine say in a few sentences what is in it; what it says is kept beside the file.',
    definition: {
      nodes: [
        { key: 'read', type: 'file.read', params: { path: '{{ input.path }}', as: 'text' } },
        {
          key: 'summarise',
          type: 'llm.chat',
          params: {
            model: '{{ input.model }}',
            system: 'Say what the text is about, in at most three sentences.',
            prompt: '{{ steps.read.output.content }}',
            maxTokens: 300,
            temperature: 0,
          },
          retry: { maxAttempts: 3, backoffMs: 2_000, factor: 2, on: ['model_unavailable', 'upstream_failed', 'rate_limited'] },
        },
        { key: 'keep', type: 'file.write', params: { path: '{{ input.path & ".summary.txt" }}', content: '{{ steps.summarise.output.text }}' } },
      ],
      edges: [
        { from: 'read', to: 'summarise' },
        { from: 'summarise', to: 'keep' },
      ],
      inputSchema: { type: 'object', properties: { path: { type: 'string', title: 'File' }, model }, required: ['path', 'model'] },
    },
    input: { path: exampleFilePath, model: 'qwen3-8b' },
  },
  {
    id: 'model-classify',
    group: 'models',
    needs: ['a model'],
    title: 'Sort mail with a model',
    summary: 'A model says by a JSON Schema what a mail is about; the workflow goes on by its answer.',
    definition: {
      nodes: [
        {
          key: 'classify',
          type: 'llm.chat',
          params: {
            model: '{{ input.model }}',
            system: 'You sort the mail of a shop.',
            prompt: '{{ input.mail }}',
            schema: {
              type: 'object',
              properties: { topic: { enum: ['order', 'complaint', 'other'] }, isUrgent: { type: 'boolean' } },
              required: ['topic', 'isUrgent'],
              additionalProperties: false,
            },
            temperature: 0,
            maxTokens: 200,
          },
          // The same mail need not be asked about again for a day.
          cache: { ttlS: 86_400 },
        },
        {
          key: 'route',
          type: 'branch.switch',
          params: {
            value: '{{ steps.classify.output.json.topic }}',
            cases: [
              { port: 'order', equals: 'order' },
              { port: 'complaint', equals: 'complaint' },
            ],
            default: 'other',
          },
        },
        { key: 'ship', type: 'set', params: { values: { to: 'the warehouse' } } },
        { key: 'apologise', type: 'set', params: { values: { to: 'a person', isUrgent: '{{ steps.classify.output.json.isUrgent }}' } } },
        { key: 'file', type: 'set', params: { values: { to: 'the archive' } } },
      ],
      edges: [
        { from: 'classify', to: 'route' },
        { from: 'route.order', to: 'ship' },
        { from: 'route.complaint', to: 'apologise' },
        { from: 'route.other', to: 'file' },
      ],
      inputSchema: { type: 'object', properties: { mail: { type: 'string', title: 'Mail' }, model }, required: ['mail', 'model'] },
    },
    input: { mail: 'My parcel arrived broken, and I need it tomorrow.', model: 'qwen3-8b' },
  },
];
