/** Examples that do a whole piece of work, of several constructs each. Data only. */
import type { ExampleWorkflow } from '../../contract/examples.ts';
import { bodyOf } from './body.ts';

const countWords = `const words = steps.read.output.content.split(/\\s+/).filter((word) => word !== '');
return { path: item, words: words.length, longest: words.toSorted((a, b) => b.length - a.length)[0] ?? '' };`;

const gather = `const counted = steps.files.output.items.filter((one) => one !== null);
return {
  files: counted.length,
  words: counted.reduce((sum, one) => sum + one.words, 0),
  unread: (steps.files.output.errors ?? []).map((one) => input.paths[one.index]),
  counted,
};`;

const gatherAnswers = `const { items, errors = [] } = steps.texts.output;
const lines = items.map((item, index) => JSON.stringify({ text: input.texts[index], answer: item === null ? null : item.text.trim() }));
return { lines: lines.join('\\n') + '\\n', answered: items.filter((item) => item !== null).length, failed: errors.length };`;

/** What a real training loop would print: a curve, how far it is, and a result. */
const train = `step=0
while [ "$step" -lt "$STEPS" ]; do
  step=$((step + 1))
  echo "::metric loss=$(awk "BEGIN { print 1 / $step }") step=$step::"
  echo "::progress $(awk "BEGIN { print $step / $STEPS }")::"
done
echo "trained $STEPS steps" > "$STUDIO_ARTIFACTS/model.txt"
printf '{"steps": %s, "card": "%s"}' "$STEPS" "$CUDA_VISIBLE_DEVICES" > "$STUDIO_RESULT"
`;

const GIB = 1024 ** 3;

export const finishedExamples: readonly ExampleWorkflow[] = [
  {
    id: 'gpu-training',
    group: 'finished',
    title: 'Train on a GPU, keep the report',
    summary: 'Waits in the queue for a share of a card, shows the curve while it runs, keeps what it made as an artifact and its figures as a file.',
    needs: ['a GPU with 2 GiB free', 'the role super_admin, which commands run with'],
    definition: {
      nodes: [
        {
          key: 'train',
          type: 'command',
          name: 'Train',
          params: { script: train, env: { STEPS: '{{ $string(input.steps) }}' } },
          queue: 'gpu',
          resources: { vramBytes: 2 * GIB },
          timeoutMs: 3_600_000,
          retry: { maxAttempts: 2, backoffMs: 5_000 },
        },
        {
          key: 'keep',
          type: 'file.write',
          name: 'Keep the report',
          params: { path: 'training/{{ instance.id }}.json', content: '{{ $string(steps.train.output.result) }}' },
        },
        {
          key: 'report',
          type: 'set',
          params: {
            values: {
              steps: '{{ steps.train.output.result.steps }}',
              artifacts: '{{ steps.train.output.artifacts.name }}',
              file: '{{ steps.keep.output.path }}',
            },
          },
        },
      ],
      edges: [
        { from: 'train', to: 'keep' },
        { from: 'keep', to: 'report' },
      ],
      inputSchema: { type: 'object', properties: { steps: { type: 'integer', title: 'Steps', minimum: 1, maximum: 1_000 } }, required: ['steps'] },
    },
    input: { steps: 10 },
  },
  {
    id: 'model-batch',
    group: 'finished',
    title: 'Ask a model about many texts',
    summary: 'A batch: two texts at a time, each tried again when the model is busy; what could not be answered is told, and the answers are kept as a file.',
    needs: ['a model'],
    definition: {
      nodes: [
        {
          key: 'texts',
          type: 'map',
          name: 'Each text',
          params: {
            items: '{{ input.texts }}',
            concurrency: 2,
            onItemError: 'collect',
            itemRetry: { maxAttempts: 3, backoffMs: 500 },
            body: bodyOf([
              {
                key: 'ask',
                type: 'llm.chat',
                params: {
                  model: '{{ input.model }}',
                  system: 'Answer with one word: positive, negative or neutral.',
                  prompt: '{{ item }}',
                  maxTokens: 20,
                  temperature: 0,
                },
              },
            ]),
          },
        },
        { key: 'gather', type: 'code.js', name: 'Gather', params: { source: gatherAnswers } },
        { key: 'keep', type: 'file.write', name: 'Keep', params: { path: 'batches/{{ instance.id }}.jsonl', content: '{{ steps.gather.output.lines }}' } },
        {
          key: 'report',
          type: 'set',
          params: {
            values: { answered: '{{ steps.gather.output.answered }}', failed: '{{ steps.gather.output.failed }}', file: '{{ steps.keep.output.path }}' },
          },
        },
      ],
      edges: [
        { from: 'texts', to: 'gather' },
        { from: 'gather', to: 'keep' },
        { from: 'keep', to: 'report' },
        { from: 'gather', to: 'report', mode: ['context'] },
      ],
      inputSchema: {
        type: 'object',
        properties: { texts: { type: 'array', items: { type: 'string' }, title: 'Texts' }, model: { type: 'string', title: 'Model' } },
        required: ['texts', 'model'],
      },
    },
    input: { texts: ['I like it.', 'It broke on the first day.', 'It is blue.'], model: 'qwen3-8b' },
  },
  {
    id: 'files-report',
    group: 'finished',
    title: 'Read many files, write a report',
    summary: 'Reads each file of a list, goes on past those that are not there, and writes what it counted.',
    needs: ['the files that the input names'],
    definition: {
      nodes: [
        {
          key: 'files',
          type: 'map',
          name: 'Each file',
          params: {
            items: '{{ input.paths }}',
            concurrency: 4,
            onItemError: 'collect',
            body: bodyOf(
              [
                { key: 'read', type: 'file.read', params: { path: '{{ item }}', as: 'text' } },
                { key: 'count', type: 'code.js', params: { source: countWords } },
              ],
              [{ from: 'read', to: 'count' }],
            ),
          },
        },
        { key: 'sum', type: 'code.js', name: 'Sum up', params: { source: gather } },
        {
          key: 'write',
          type: 'file.write',
          name: 'Write the report',
          params: { path: 'reports/words.json', content: '{{ $string(steps.sum.output, true) }}' },
        },
        { key: 'report', type: 'set', params: { values: { words: '{{ steps.sum.output.words }}', unread: '{{ steps.sum.output.unread }}' } } },
      ],
      edges: [
        { from: 'files', to: 'sum' },
        { from: 'sum', to: 'write' },
        { from: 'write', to: 'report' },
      ],
      inputSchema: { type: 'object', properties: { paths: { type: 'array', items: { type: 'string' }, title: 'Files' } }, required: ['paths'] },
    },
    input: { paths: ['samples/measurements.csv', 'samples/none.txt'] },
  },
  {
    id: 'fall-back',
    group: 'finished',
    title: 'Ask, fall back, tell',
    summary: 'Asks a server; when it still fails after three tries, takes what was given for that case and tells the publisher why.',
    needs: ['a URL that answers, or none, to see the other way'],
    definition: {
      nodes: [
        {
          key: 'ask',
          type: 'http.request',
          name: 'Ask the server',
          params: { method: 'GET', url: '{{ input.url }}' },
          timeoutMs: 10_000,
          retry: { maxAttempts: 3, backoffMs: 100 },
        },
        { key: 'fresh', type: 'set', name: 'Take the answer', params: { values: { from: 'the server', value: '{{ steps.ask.output.body }}' } } },
        { key: 'kept', type: 'set', name: 'Take what is kept', params: { values: { from: 'what was kept', value: '{{ input.otherwise }}' } } },
        {
          key: 'tell',
          type: 'notify',
          name: 'Tell why',
          params: { channel: 'in_app', to: ['publisher'], title: 'The server did not answer', message: '{{ steps.ask.error.message }}' },
          onError: 'continue',
        },
        { key: 'either', type: 'merge', params: { mode: 'any' } },
        { key: 'answer', type: 'code.js', name: 'Answer', params: { source: 'return (steps.fresh ?? steps.kept).output;' } },
      ],
      edges: [
        { from: 'ask', to: 'fresh' },
        { from: 'ask.error', to: 'tell' },
        { from: 'tell', to: 'kept' },
        { from: 'fresh', to: 'either' },
        { from: 'kept', to: 'either' },
        { from: 'either', to: 'answer' },
      ],
      inputSchema: {
        type: 'object',
        properties: { url: { type: 'string', title: 'URL' }, otherwise: { type: 'string', title: 'Otherwise' } },
        required: ['url', 'otherwise'],
      },
    },
    input: { url: 'https://rates.example.com/today', otherwise: '1.08' },
  },
  {
    id: 'order-desk',
    group: 'finished',
    title: 'An order desk',
    summary: 'Takes orders by webhook; small ones are booked at once, large ones when a person has approved them, refused ones are filed.',
    definition: {
      nodes: [
        { key: 'size', type: 'branch.if', name: 'Large?', params: { condition: '{{ input.body.amount > 100 }}' } },
        {
          key: 'approve',
          type: 'approval',
          name: 'Let a person decide',
          params: { title: 'Order {{ input.body.number }}', message: '{{ input.body.customer }} orders for {{ input.body.amount }} euros.' },
        },
        { key: 'accepted', type: 'merge', params: { mode: 'any' } },
        {
          key: 'book',
          type: 'file.write',
          name: 'Book it',
          params: { path: 'orders/{{ input.body.number }}.json', content: '{{ $string(input.body) }}' },
        },
        { key: 'refuse', type: 'file.write', name: 'File it', params: { path: 'refused/{{ input.body.number }}.json', content: '{{ $string(input.body) }}' } },
      ],
      edges: [
        { from: 'size.true', to: 'approve' },
        { from: 'size.false', to: 'accepted' },
        { from: 'approve.approved', to: 'accepted' },
        { from: 'approve.rejected', to: 'refuse' },
        { from: 'accepted', to: 'book' },
      ],
      triggers: [{ key: 'orders', type: 'webhook', params: { auth: 'none' }, enabled: true }],
    },
    input: { body: { number: 7, customer: 'Ada Lovelace', amount: 250 } },
  },
];
