/** file.write: keeps a value as one of the org's files, replacing what was there. */
import * as z from 'zod';
import { filePath } from '../../contract/files.ts';
import { asField, defineNode, inPort, outPort } from '../kit.ts';

export const fileWrite = defineNode({
  type: 'file.write',
  version: 1,
  title: 'Write file',
  summary: 'Writes a text or JSON value to a file.',
  category: 'files',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({
    path: filePath.describe('Path of the file, as under Files').meta(asField({ control: 'file' })),
    content: z.json().describe('A text is written as it is; anything else as JSON'),
  }),
  example: { path: 'reports/{{ instance.id }}.json', content: '{{ steps.summary.output }}' },
  docs: `Output: \`{ path, bytes, sha256 }\`. The file appears whole or not at all, and replaces one of the same path. Writing the same again changes nothing, so that a repeated attempt is harmless.

Errors: \`too_large\`, \`disk_full\`.`,
  runs: 'inline',
  pure: false,
  async run(params, context) {
    const text = typeof params.content === 'string' ? params.content : `${JSON.stringify(params.content, null, 2)}\n`;
    return { kind: 'output', output: { ...(await context.files.write(params.path, Buffer.from(text), { signal: context.signal })) } };
  },
});
