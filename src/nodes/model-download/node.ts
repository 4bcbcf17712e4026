/** model.download: brings a model to this machine, or finds it there. The bytes are the downloads' (models/downloads.ts): the step waits for them. */
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import { defineNode, inPort, outPort } from '../kit.ts';

const DAY_MS = 86_400_000;

const params = z.strictObject({
  repo: z.string().min(3).max(256).optional().describe('owner/name on Hugging Face, or owner/name:QUANTISATION'),
  url: z.string().min(1).max(8_192).optional().describe('Or the address of one file'),
  files: z.array(z.string().min(1).max(512)).min(1).max(1_000).optional().describe('Of a repository; * stands for any text'),
  revision: z.string().max(128).optional().describe('A branch, tag or commit; default main'),
  sha256: z.string().length(64).optional().describe('Of a URL: what it must hash to'),
  name: z.string().min(1).max(128).optional().describe('What the model is called here; default: after its file'),
});

/** What an attempt before this one began. */
function ownOf(details: Json | undefined): string | undefined {
  const id = typeof details === 'object' && details !== null && !Array.isArray(details) ? details['own'] : undefined;
  return typeof id === 'string' ? id : undefined;
}

export const modelDownload = defineNode({
  type: 'model.download',
  version: 1,
  title: 'Download a model',
  summary: 'Brings a model from Hugging Face or a URL to this machine, unless it is there.',
  category: 'machine',
  inputs: inPort,
  outputs: outPort,
  params,
  example: { repo: 'Qwen/Qwen3-0.6B-GGUF:Q8_0' },
  requires: 'super_admin',
  timeoutMs: DAY_MS,
  docs: `Output: \`{ modelId, name, bytes, files: [{ name, bytes, sha256 }] }\`. \`name\` is what \`llm.chat\` and \`/v1\` take as \`model\`.

The same asked for twice is downloaded once: a model that is here ends the step at once. The download goes on while Studio restarts, and stands on the models page with its rate; cancelling the step or its instance cancels a download that it began and deletes what came; one that somebody else began goes on. Gated repositories need the secret \`HF_TOKEN\`.

Errors: \`download_refused\` (final: no such repository or file, a web page, a name that is taken by another model), \`download_failed\` (final when trying again would meet the same: a wrong hash, a broken model), \`download_cancelled\` (final), \`upstream_failed\`, \`disk_full\`, \`queue_full\`.`,
  runs: 'inline',
  pure: false,
  check: (node) =>
    (node.params?.['repo'] === undefined) === (node.params?.['url'] === undefined)
      ? [{ path: 'params.repo', code: 'invalid_params', message: 'name a repo or a url, one of the two' }]
      : [],
  async run(values, context) {
    const model = await context.downloads.bring(values, {
      own: ownOf(context.details),
      signal: context.signal,
      onState: ({ downloadId, isOwn, fraction, message }) => {
        if (isOwn) context.heartbeat({ own: downloadId });
        context.progress(fraction ?? 0, message);
      },
    });
    return { kind: 'output', output: { ...model, files: model.files.map((file) => ({ ...file })) } };
  },
});
