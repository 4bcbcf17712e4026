/** Reads server-sent events from a response, their comments too: in those the gateway says what is waited for. EventSource can’t, it sends no POST.
 *  Source: WHATWG HTML, 9.2 "Server-sent events"; names and ids of events are left out. */

export type StreamItem = { readonly kind: 'comment'; readonly text: string } | { readonly kind: 'data'; readonly text: string };

/** What came, in batches of one read of the network each, so that many small events are one change of the page.
 *  Leaving the loop gives the response up. @throws what `body` throws */
export async function* readEvents(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<readonly StreamItem[]> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  const take = (line: string, items: StreamItem[]): void => {
    if (line === '') {
      if (data.length > 0) items.push({ kind: 'data', text: data.join('\n') });
      data = [];
    } else if (line.startsWith(':')) items.push({ kind: 'comment', text: line.slice(1).trim() });
    else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
  };
  try {
    for (;;) {
      // Serial: a stream is read in its order.
      const { done, value } = await reader.read();
      rest += decoder.decode(value, { stream: !done });
      // A CR at the end may be half of a CR LF.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      const items: StreamItem[] = [];
      for (const line of lines) take(line, items);
      // What was said without the last blank line counts.
      if (done) for (const line of [rest.replace(/\r$/, ''), '']) take(line, items);
      if (items.length > 0) yield items;
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
