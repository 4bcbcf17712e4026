/** file.read: the content of one of the org's files. */
import { parse } from 'csv-parse/sync';
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import { filePath } from '../../contract/files.ts';
import { asField, defineNode, inPort, NodeError, outPort } from '../kit.ts';

/** Read into memory at most; larger files are work for a command. */
const MAX_READ_BYTES = 64 * 1024 * 1024;

export const fileRead = defineNode({
  type: 'file.read',
  version: 1,
  title: 'Read file',
  summary: 'Reads a file as text, JSON, a table or only its facts.',
  category: 'files',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({
    path: filePath.describe('Path of the file, as under Files').meta(asField({ control: 'file' })),
    as: z.enum(['text', 'json', 'csv', 'bytes']).default('text').describe('csv: a list of rows by the header line; bytes: the facts without the content'),
  }),
  example: { path: 'samples/measurements.csv', as: 'csv' },
  docs: `Output: \`{ path, bytes, content }\`; without \`content\` for \`bytes\`. A table is a list of objects by its header line; every cell is a text.

Errors: \`file_not_found\`, \`file_too_large\` (64 MiB), \`not_text\`, \`not_json\`, \`not_csv\`; all final.`,
  runs: 'inline',
  pure: false,
  async run(params, context) {
    const { bytes } = await context.files.read(params.path, { maxBytes: MAX_READ_BYTES, signal: context.signal });
    const facts = { path: params.path, bytes: bytes.length };
    return { kind: 'output', output: params.as === 'bytes' ? facts : { ...facts, content: contentOf(params.path, params.as, decode(params.path, bytes)) } };
  },
});

function decode(path: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new NodeError('not_text', `${path} is not UTF-8 text (${bytes.length} bytes); read it as "bytes", or convert it with a command`, {
      final: true,
      cause,
    });
  }
}

function contentOf(path: string, as: 'text' | 'json' | 'csv', text: string): Json {
  if (as === 'text') return text;
  try {
    return as === 'json' ? (JSON.parse(text) as Json) : (parse(text, { columns: true, skip_empty_lines: true, trim: true, bom: true }) as Json);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NodeError(as === 'json' ? 'not_json' : 'not_csv', `${path} can't be read as ${as}: ${reason}`, { final: true, cause });
  }
}
