/** Reading the shapes of OpenAI, for clients that speak another language. Pure; what is not as it should be becomes empty, never a fault:
 *  the gateway has checked it. */
import type { Json } from '../contract/endpoint.ts';
import type { ChatCall } from './engine.ts';

export type Message = ChatCall['messages'][number];

export function asList(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: Json | undefined): Readonly<Record<string, Json | undefined>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

/** The function of a tool, of a call or of a choice. */
export function functionOf(value: Json): {
  readonly name: string;
  readonly description: string | undefined;
  readonly parameters: Json | undefined;
  readonly arguments: string;
} {
  const { name, description, parameters, arguments: text } = fieldsOf(fieldsOf(value)['function']);
  return {
    name: typeof name === 'string' ? name : '',
    description: typeof description === 'string' ? description : undefined,
    parameters: parameters ?? undefined,
    arguments: typeof text === 'string' ? text : '{}',
  };
}

/** The arguments a model wrote; what is no JSON object is handed on as text. */
export function parsedArguments(text: string): Json {
  try {
    const value = JSON.parse(text) as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { value };
  } catch {
    // A model wrote it: its next answer has to see what it wrote.
    return { text };
  }
}

/** All text of a content. */
export function textOf(content: Json): string {
  if (typeof content === 'string') return content;
  return asList(content)
    .map((part) => fieldsOf(part)['text'])
    .filter((text) => typeof text === 'string')
    .join('\n');
}

export function systemText(messages: readonly Message[]): string {
  return messages
    .filter(({ role }) => role === 'system' || role === 'developer')
    .map(({ content }) => textOf(content))
    .join('\n\n');
}

/** An image of a content part: its bytes, or where it lies. */
export function imageOf(part: Json): { readonly mediaType: string; readonly data: string } | { readonly url: string } | undefined {
  const image = fieldsOf(fieldsOf(part)['image_url']);
  const { url } = image;
  if (typeof url !== 'string') return undefined;
  const [, mediaType, data] = /^data:([\w.+/-]+);base64,([\s\S]*)$/.exec(url) ?? [];
  return mediaType === undefined || data === undefined ? { url } : { mediaType, data };
}

/** The schema an answer has to fit, where one is asked for. */
export function schemaOf(format: Json | undefined): Json | undefined {
  const { type, json_schema: asked } = fieldsOf(format);
  return type === 'json_schema' ? (fieldsOf(asked)['schema'] ?? { type: 'object' }) : undefined;
}
