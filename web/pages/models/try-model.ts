/** A talk with a model as the page keeps it: what is sent, what has come of the answer, its figures. Knows no DOM.
 *  One thing to know: what a model says is text and stays text; nothing here reads markup in it. */
import { ApiError, unanswered } from '../../api.ts';
import { formatCount, formatDuration, formatNumber } from '../../ui/format.ts';
import { readEvents } from './event-stream.ts';
import type { ClientErrorCode } from '../../api.ts';
import type { BodyOf } from '../../../src/contract/index.ts';
import type { Model } from '../../../src/contract/models.ts';
import type { StreamItem } from './event-stream.ts';

/** Tokens arrive in clumps: over less than this their rate says nothing. */
const MIN_SPAN_MS = 100;

export interface Answer {
  readonly status: 'running' | 'done' | 'stopped' | 'failed';
  readonly text: string;
  readonly reasoning: string;
  /** What the gateway waits for, in its words; '' when it does not. */
  readonly waiting: string;
  readonly finish?: string;
  readonly usage?: { readonly read: number; readonly written: number };
  readonly error?: ApiError;
  /** Of the page's monotonic clock. */
  readonly askedAtMs: number;
  readonly firstAtMs?: number;
  readonly lastAtMs?: number;
}

/** One question and what came of it. */
export interface Turn {
  readonly question: string;
  readonly answer: Answer;
}

export function newAnswer(askedAtMs: number): Answer {
  return { status: 'running', text: '', reasoning: '', waiting: '', askedAtMs };
}

/** The body of the next question. Turns without an answer are left out: many models take questions and answers in turn alone. */
export function chatBody(
  model: string,
  talk: { readonly turns: readonly Turn[]; readonly instructions: string; readonly question: string },
): BodyOf<'POST /v1/chat/completions'> {
  const said = talk.turns.filter(({ answer }) => answer.text !== '');
  return {
    model,
    messages: [
      ...(talk.instructions.trim() === '' ? [] : [{ role: 'system' as const, content: talk.instructions.trim() }]),
      ...said.flatMap(({ question, answer }) => [
        { role: 'user' as const, content: question },
        { role: 'assistant' as const, content: answer.text },
      ]),
      { role: 'user', content: talk.question },
    ],
    stream: true,
    stream_options: { include_usage: true },
  };
}

export interface Reading {
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  readonly onChange: (answer: Answer) => void;
}

/** Reads an answer to its end, and tells each change. Never throws: an answer that breaks off keeps what came of it, and says why. */
export async function readAnswer(open: () => Promise<ReadableStream<Uint8Array<ArrayBuffer>>>, { signal, now, onChange }: Reading): Promise<void> {
  let answer = newAnswer(now());
  const tell = (change: Partial<Answer>): void => {
    answer = { ...answer, ...change };
    onChange(answer);
  };
  try {
    for await (const items of readEvents(await open())) {
      for (const item of items) answer = withItem(answer, item, now());
      onChange(answer);
      if (answer.status !== 'running') return;
    }
    tell({ status: 'failed', waiting: '', error: new ApiError({ status: 200, code: 'network', message: 'The answer broke off before its end.' }) });
  } catch (thrown) {
    const error = thrown instanceof ApiError ? thrown : unanswered(thrown, signal);
    tell(error.code === 'aborted' ? { status: 'stopped', waiting: '' } : { status: 'failed', waiting: '', error });
  }
}

/** The answer after one more event of its stream. */
export function withItem(answer: Answer, item: StreamItem, atMs: number): Answer {
  if (answer.status !== 'running') return answer;
  if (item.kind === 'comment') return item.text.startsWith('waiting:') ? { ...answer, waiting: item.text.slice('waiting:'.length).trim() } : answer;
  if (item.text === '[DONE]') return { ...answer, status: 'done', waiting: '' };
  const chunk = parsed(item.text);
  if (chunk === undefined) return failed(answer, 'bad_reply', 'The answer holds what is no JSON. A proxy in between may have changed it.');
  const fault = recordOf(chunk['error']);
  if (fault !== undefined) return failed(answer, textOf(fault['code']) as ClientErrorCode, textOf(fault['message']));
  const choice = recordOf(Array.isArray(chunk['choices']) ? chunk['choices'][0] : undefined) ?? {};
  const delta = recordOf(choice['delta']) ?? {};
  const [text, reasoning, finish] = [textOf(delta['content']), textOf(delta['reasoning_content']), textOf(choice['finish_reason'])];
  const usage = recordOf(chunk['usage']);
  const isSaid = text !== '' || reasoning !== '';
  return {
    ...answer,
    text: answer.text + text,
    reasoning: answer.reasoning + reasoning,
    ...(isSaid ? { waiting: '', firstAtMs: answer.firstAtMs ?? atMs, lastAtMs: atMs } : {}),
    ...(finish === '' ? {} : { finish }),
    ...(usage === undefined ? {} : { usage: { read: Number(usage['prompt_tokens']), written: Number(usage['completion_tokens']) } }),
  };
}

function failed(answer: Answer, code: ClientErrorCode, message: string): Answer {
  return { ...answer, status: 'failed', waiting: '', error: new ApiError({ status: 200, code, message }) };
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return recordOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** `12 tokens read, 40 written · 35.2 tokens/s · first after 820 ms`; '' while it runs. The rate leaves out the wait for the first token. */
export function figuresOf(answer: Answer): string {
  const { status, usage, finish, askedAtMs, firstAtMs, lastAtMs } = answer;
  if (status === 'running') return '';
  const spanMs = firstAtMs === undefined || lastAtMs === undefined ? 0 : lastAtMs - firstAtMs;
  const rate = usage !== undefined && usage.written > 1 && spanMs >= MIN_SPAN_MS ? ((usage.written - 1) * 1_000) / spanMs : undefined;
  const words = [
    status === 'stopped' ? 'stopped' : '',
    usage === undefined ? '' : `${formatCount(usage.read, 'token')} read, ${formatNumber(usage.written)} written`,
    rate === undefined ? '' : `${rate < 100 ? rate.toFixed(1) : formatNumber(Math.round(rate))} tokens/s`,
    firstAtMs === undefined ? '' : `first after ${formatDuration(firstAtMs - askedAtMs)}`,
    finish === 'length' ? 'cut at the limit of tokens' : finish === 'content_filter' ? 'cut by the filter of its provider' : '',
    status === 'done' && answer.text === '' ? 'it said nothing' : '',
  ];
  return words.filter((word) => word !== '').join(' · ');
}

/** What to offer first: models made for vectors are named or built so; each model can be asked for the other. */
export function isEmbedder({ name, architecture }: Pick<Model, 'name' | 'architecture'>): boolean {
  return /bert|embed|minilm|t5encoder|(?:^|[^a-z0-9])(?:bge|gte|e5)(?:[^a-z0-9]|$)/i.test(`${name} ${architecture ?? ''}`);
}

/** The first numbers of a vector, in a line. */
export function vectorWords(vector: readonly number[], shown = 8): string {
  const numbers = vector.slice(0, shown).map((number) => (Number.isInteger(number) ? String(number) : number.toFixed(4)));
  return `[${numbers.join(', ')}${vector.length > shown ? ', …' : ''}]`;
}

/** Whether a key in a box of text sends it; it does nothing else then. Enter ends a word in an input method: that sends nothing. */
export function sendsOn(event: Pick<KeyboardEvent, 'key' | 'shiftKey' | 'isComposing' | 'preventDefault'>): boolean {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return false;
  event.preventDefault();
  return true;
}
