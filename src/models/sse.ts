/** Server-sent events, as servers of models write them: the data of one event after the other. Pure over its chunks.
 *  Source: WHATWG HTML, 9.2 "Server-sent events"; of its fields `data` and `event` alone matter here. */
import { UpstreamError } from './upstream.ts';

/** One event: a delta, or the whole of a tool's arguments. More is no stream of tokens. */
const MAX_EVENT_CHARS = 16 * 1024 * 1024;

export interface ServerEvent {
  /** '' when unnamed. */
  readonly name: string;
  readonly data: string;
}

/** @throws UpstreamError broken, when an event grows beyond all measure; what `body` throws */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  let name = '';
  let data: string[] = [];
  let size = 0;
  const take = (line: string): ServerEvent | undefined => {
    if (line === '') {
      const event = data.length === 0 ? undefined : { name, data: data.join('\n') };
      name = '';
      data = [];
      size = 0;
      return event;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    size += value.length;
    if (size > MAX_EVENT_CHARS) throw tooLarge();
    if (field === 'data') data.push(value);
    else if (field === 'event') name = value;
    return undefined;
  };
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > MAX_EVENT_CHARS) throw tooLarge();
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = take(line);
      if (event !== undefined) yield event;
    }
  }
  // Some servers end without the last blank line: what they said counts.
  for (const line of [rest.replace(/\r$/, ''), '']) {
    const event = take(line);
    if (event !== undefined) yield event;
  }
}

function tooLarge(): UpstreamError {
  return new UpstreamError('broken', `an event of the answer is larger than ${MAX_EVENT_CHARS} characters`);
}
