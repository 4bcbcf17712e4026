/** What a model has done since Studio started: loads, ends, tokens. For /metrics; what is paid for is counted by the gateway. */
import type { Embedded, ModelEngine, Piece, Usage } from './engine.ts';

export interface Counts {
  loads: number;
  loadMs: number;
  failedLoads: number;
  crashes: number;
  evictions: number;
  promptTokens: number;
  completionTokens: number;
}

export function createCounts(): Counts {
  return { loads: 0, loadMs: 0, failedLoads: 0, crashes: 0, evictions: 0, promptTokens: 0, completionTokens: 0 };
}

/** The same engine, its use added to `counts`. An answer that is cut off by its reader counts a token a piece. */
export function counted(engine: ModelEngine, counts: Counts): ModelEngine {
  const add = (usage: Usage): void => {
    counts.promptTokens += usage.promptTokens;
    counts.completionTokens += usage.completionTokens;
  };
  return {
    chat: (call, signal) => countedPieces(engine.chat(call, signal), add),
    complete: (call, signal) => countedPieces(engine.complete(call, signal), add),
    async embed(texts, signal, options): Promise<Embedded> {
      const embedded = await engine.embed(texts, signal, options);
      add(embedded.usage);
      return embedded;
    },
  };
}

async function* countedPieces(pieces: AsyncIterable<Piece>, add: (usage: Usage) => void): AsyncGenerator<Piece> {
  let seen = 0;
  let usage: Usage | undefined;
  try {
    for await (const piece of pieces) {
      seen++;
      usage = piece.usage ?? usage;
      yield piece;
    }
  } finally {
    add(usage ?? { promptTokens: 0, completionTokens: seen });
  }
}
