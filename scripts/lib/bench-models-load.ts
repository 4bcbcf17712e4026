/** Clients that ask a model again and again, and what they see: time to the first token, and tokens a second of all together. Knows no engine:
 *  it is handed how to ask, so that the gateway and the engine alone are asked alike. */

/** Pieces of one answer; those with text count as tokens. */
export type Ask = (signal: AbortSignal) => AsyncIterable<{ readonly text?: string | undefined }>;

export interface Seen {
  /** One an answer, ms. */
  readonly firstTokenMs: readonly number[];
  readonly tokensPerS: number;
}

/** @param requests of each client, one after the other */
export async function runClients(ask: Ask, { clients, requests }: { readonly clients: number; readonly requests: number }): Promise<Seen> {
  const firstTokenMs: number[] = [];
  let tokens = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (let request = 0; request < requests; request++) {
        const askedAt = performance.now();
        let isFirst = true;
        // Serial: a client asks when it has its answer.
        for await (const { text } of ask(new AbortController().signal)) {
          if (text === undefined || text === '') continue;
          if (isFirst) firstTokenMs.push(performance.now() - askedAt);
          isFirst = false;
          tokens++;
        }
      }
    }),
  );
  return { firstTokenMs, tokensPerS: tokens / ((performance.now() - startedAt) / 1_000) };
}
