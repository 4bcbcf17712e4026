/** Shows what a model says while it says it: in the step's progress, and its waits in the log. */
import type { NodeContext } from '../kit.ts';
import type { ModelTold } from '../kit-ports.ts';

/** A new word about every so many characters: a progress is a write a second at most, and a reader can't follow more. */
const TOLD_CHARS = 80;
const SHOWN_CHARS = 300;
/** What a token is about, for a share of maxTokens. */
const CHARS_A_TOKEN = 4;

export function createVoice(context: NodeContext, maxTokens: number | undefined): { readonly told: ModelTold; endTurn(): void } {
  let said = 0;
  let toldAt = 0;
  let tail = '';
  let lastWait = '';
  return {
    told: {
      signal: context.signal,
      onWait(message) {
        if (message === lastWait) return;
        lastWait = message;
        context.log(message);
        context.progress(0, message);
      },
      onText(text) {
        said += text.length;
        tail = (tail + text).slice(-SHOWN_CHARS);
        if (said - toldAt < TOLD_CHARS && toldAt > 0) return;
        toldAt = said;
        const share = maxTokens === undefined ? 0 : Math.min(0.99, said / CHARS_A_TOKEN / maxTokens);
        context.progress(share, said > SHOWN_CHARS ? `…${tail}` : tail);
      },
    },
    endTurn() {
      [said, toldAt, tail] = [0, 0, ''];
    },
  };
}
