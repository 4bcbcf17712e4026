/** One line on what a node does, from its params. Pure; never longer than a card is wide by far. */
import type { Json } from '../../src/contract/endpoint.ts';

type Params = Readonly<Record<string, Json>>;

const MAX_CHARS = 120;

/** @returns at most 120 characters on one line; empty when there is nothing to say */
export function summaryOfParams(type: string, params: Params): string {
  return oneLine(of(type, params));
}

function of(type: string, params: Params): string {
  const text = (name: string): string => asText(params[name]);
  if (type === 'http.request') return `${text('method') || 'GET'} ${text('url')}`;
  if (type === 'command') return Array.isArray(params['command']) ? params['command'].map(asText).join(' ') : firstLine(text('script'));
  if (type === 'file.read' || type === 'file.write') return text('path');
  if (type.startsWith('code.')) return firstLine(text('source'));
  if (type === 'wait.timer') return params['durationMs'] !== undefined ? `${text('durationMs')} ms` : text('until');
  if (type === 'set') return Object.keys(isObject(params['values']) ? params['values'] : {}).join(', ');
  if (type === 'branch.switch') return text('value');
  if (type === 'approval') return text('title');
  if (type === 'poll') return `${asText(isObject(params['request']) ? params['request']['url'] : '')} until ${text('until')}`;
  if (type === 'loop') return text('while') === '' ? `${text('maxIterations')} rounds` : `while ${text('while')}`;
  const first = Object.values(params).find((value) => typeof value === 'string' || typeof value === 'number');
  return asText(first);
}

/** The first line of code that is not a comment. */
function firstLine(source: string): string {
  const lines = source.split('\n').map((line) => line.trim());
  return lines.find((line) => line !== '' && !/^(\/\/|#|\/\*|\*|--|set -)/.test(line)) ?? lines[0] ?? '';
}

function oneLine(text: string): string {
  const flat = text.replaceAll(/\s+/g, ' ').trim();
  return flat.length > MAX_CHARS ? `${flat.slice(0, MAX_CHARS - 1)}…` : flat;
}

function asText(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
