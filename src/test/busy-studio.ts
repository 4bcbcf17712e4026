/** Fills a Studio with what a month of work leaves: runs by the thousand, jobs, models, services, files, and names that attack.
 *  For pictures and measurements of busy pages. Everything goes through the API, as a person's work would. */
import { asObject, itemsOf, type ApiClient } from './api-client.ts';
import type { ShownThings } from './page-list.ts';

/** Names that a careless page would run, cut or let overflow. */
const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  'a-very-long-name-without-any-place-to-break-it-'.repeat(3),
  '‮desrever‬ مرحبا 日本語 🚀',
  '{{ secrets.TOKEN }} `code` **bold** [link](javascript:alert(1))',
];

/** Runs of every outcome, with branches, a map, retries and waits. */
const workflows: readonly {
  readonly name: string;
  readonly runs: number;
  readonly nodes: readonly object[];
  readonly edges: readonly object[];
  readonly triggers?: readonly object[];
}[] = [
  {
    name: 'Nightly report',
    runs: 600,
    triggers: [
      { key: 'nightly', type: 'cron', params: { expression: '0 3 * * *', timezone: 'Europe/Berlin' } },
      { key: 'hook', type: 'webhook', params: { auth: 'none' } },
    ],
    nodes: [
      { key: 'collect', type: 'set', params: { values: { rows: '{{ input.rows }}' } } },
      { key: 'check', type: 'branch.if', params: { condition: 'input.rows > 40' } },
      { key: 'write', type: 'template', params: { text: '{{ input.rows }} rows' } },
      { key: 'small', type: 'noop' },
    ],
    edges: [
      { from: 'collect', to: 'check' },
      { from: 'check.true', to: 'write' },
      { from: 'check.false', to: 'small' },
    ],
  },
  {
    name: 'Import that fails now and then',
    runs: 300,
    nodes: [
      { key: 'read', type: 'set', params: { values: { rows: '{{ input.rows }}' } } },
      { key: 'broken', type: 'fail', params: { message: 'line 12 of input.csv has 7 cells, 9 are expected' }, condition: 'input.rows > 60' },
    ],
    edges: [{ from: 'read', to: 'broken' }],
  },
  {
    name: 'Thumbnails of all pictures',
    runs: 20,
    nodes: [
      { key: 'each', type: 'map', params: { items: '{{ [1..50] }}', body: { nodes: [{ key: 'draw', type: 'noop' }], edges: [] } } },
      { key: 'done', type: 'log', params: { message: 'drawn' } },
    ],
    edges: [{ from: 'each', to: 'done' }],
  },
  {
    name: 'Publish with approval',
    runs: 12,
    nodes: [
      { key: 'draft', type: 'set', params: { values: { title: 'Release notes' } } },
      { key: 'ask', type: 'approval', params: { title: 'Publish the release notes?' } },
    ],
    edges: [{ from: 'draft', to: 'ask' }],
  },
  ...HOSTILE.map((name) => ({ name, runs: 4, nodes: [{ key: 'wait', type: 'wait.timer', name, params: { durationMs: 86_400_000 } }], edges: [] })),
];

const jobs: readonly object[] = [
  {
    name: 'finetune llama-8b',
    labels: { project: 'support-bot' },
    resources: { gpus: 1 },
    script:
      'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do printf "\\033[32mepoch\\033[0m %s of 12\\n" $i; echo "::metric loss=0.$((99 - i * 6)) step=$i::"; echo "::metric lr=0.00$i step=$i::"; done; echo weights > "$STUDIO_ARTIFACTS/adapter.bin"; sleep 600',
  },
  { name: 'render scene 12', resources: { gpus: 2 }, script: 'echo "::progress 40 frame 96 of 240::"; sleep 600' },
  { name: 'embed the archive', resources: { vramBytes: 20 * 2 ** 30 }, script: 'echo "::progress 71::"; sleep 600' },
  { name: 'evaluate checkpoints', resources: { gpus: 8 }, priority: 20, script: 'true' },
  { name: 'transcode', script: 'echo ready' },
  { name: 'fails at once', script: 'echo "Traceback (most recent call last):" >&2; echo "ValueError: 12 is not a colour" >&2; exit 3' },
  ...HOSTILE.map((name) => ({ name, script: 'echo hello' })),
];

/** @returns things worth a page of their own */
export async function makeBusy(client: ApiClient): Promise<ShownThings> {
  const jobIds: string[] = [];
  for (const job of jobs) jobIds.push(String(asObject((await client.expect(201, 'POST', '/api/v1/jobs', job))['job'])['id']));
  for (const [name, command] of [
    ['tensorboard', ['sleep', '900']],
    ['comfyui', ['/opt/comfyui/not-there']],
  ] as const)
    await client.expect(201, 'POST', '/api/v1/services', { name, command });
  for (const name of ['HF_TOKEN', 'SLACK_WEBHOOK', 'OPENAI_API_KEY']) await client.expect(200, 'PUT', `/api/v1/secrets/${name}`, { value: `value of ${name}` });
  for (const [index, name] of ['reports/july.csv', 'reports/august.csv', 'pictures/one.svg', `odd/${HOSTILE[2] ?? ''}.txt`].entries())
    await client.call('PUT', `/api/v1/files/${encodeURIComponent(name).replaceAll('%2F', '/')}`, { body: Buffer.from('a,b\n'.repeat(1_000 * (index + 1))) });
  const made: string[] = [];
  for (const { name, runs: _runs, ...definition } of workflows)
    made.push(String((await client.expect(201, 'POST', '/api/v1/workflows', { name: name.slice(0, 200), ...definition }))['id']));
  for (const [index, { runs }] of workflows.entries()) {
    const inputs = Array.from({ length: runs }, (_, run) => ({ rows: (run * 37) % 100 }));
    const labels = { customer: ['acme', 'globex', 'initech'][index % 3] ?? '' };
    await client.expect(201, 'POST', `/api/v1/workflows/${made[index] ?? ''}/instances/batch`, { inputs, labels });
  }
  const thumbnails = made[2] ?? '';
  const shown = itemsOf(await client.expect(200, 'GET', `/api/v1/instances?workflowId=${thumbnails}&limit=1`))[0];
  return { workflowId: made[0] ?? '', instanceId: String(shown?.['id']), node: 'each', jobId: jobIds[0] ?? '' };
}
