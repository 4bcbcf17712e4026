/** embed: vectors of texts. Never knows where the model runs. */
import * as z from 'zod';
import { asField, defineNode, inPort, NodeError, outPort } from '../kit.ts';

const MAX_TEXTS = 10_000;

const params = z.strictObject({
  model: z
    .string()
    .min(1)
    .max(200)
    .describe('One that makes vectors, as GET /v1/models names it')
    .meta(asField({ control: 'model' })),
  texts: z.union([z.string().min(1), z.array(z.string().min(1)).max(MAX_TEXTS)]).describe('A text, or a list of texts, none of them empty'),
  batch: z.int().min(1).max(2_048).default(64).describe('Texts of one call'),
  dimensions: z.int().min(1).max(65_536).optional().describe('Shorter vectors, for models that can make them'),
});

export const embed = defineNode({
  type: 'embed',
  version: 1,
  title: 'Embed',
  summary: 'Turns texts into vectors, for search and comparison.',
  category: 'machine',
  inputs: inPort,
  outputs: outPort,
  params,
  timeoutMs: 60 * 60_000,
  example: { model: 'nomic-embed-text', texts: '{{ steps.split.output.parts }}' },
  docs: `Output: \`{ vectors, dimensions, model, usage: { promptTokens } }\`: one vector a text, in order. \`texts\` is a text or a list of up to ${MAX_TEXTS}; they are asked for \`batch\` at a time, and the step says how far it is. Large outputs are kept as files of the step, like those of every node.

Errors: \`model_not_found\`, \`invalid_body\` (the model makes no vectors, or not of that many dimensions), \`unsatisfiable\`, \`too_large\`: final. \`model_unavailable\`, \`upstream_failed\`, \`rate_limited\`, \`answer_invalid\` (vectors of different lengths).`,
  runs: 'inline',
  pure: false,
  async run({ model, texts, batch, dimensions }, context) {
    const all = typeof texts === 'string' ? [texts] : texts;
    const vectors: (readonly number[])[] = [];
    let promptTokens = 0;
    for (let at = 0; at < all.length; at += batch) {
      // Serial: one batch fills an engine, and a later one may not be needed.
      const made = await context.models.embed(
        { model, texts: all.slice(at, at + batch), dimensions },
        {
          signal: context.signal,
          onWait: (message) => context.progress(at / all.length, message),
        },
      );
      vectors.push(...made.vectors);
      promptTokens += made.promptTokens;
      context.progress(vectors.length / all.length, `${vectors.length} of ${all.length} texts`);
    }
    const length = vectors[0]?.length ?? 0;
    if (vectors.some((vector) => vector.length !== length))
      throw new NodeError('answer_invalid', `"${model}" gave vectors of different lengths; they can't be compared`);
    return { kind: 'output', output: { vectors: vectors.map((vector) => [...vector]), dimensions: length, model, usage: { promptTokens } } };
  },
});
