/** The vector that a model makes of a text: how long it is, and how it begins. */
import { Send, Square } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { AsCurl, CopyButton } from '../../ui/copy.tsx';
import { Textarea } from '../../ui/field.tsx';
import { formatCount, formatDuration } from '../../ui/format.ts';
import { ErrorView } from '../../ui/views.tsx';
import { sendsOn, vectorWords } from './try-model.ts';
import type { JSX } from 'preact';
import type { Model } from '../../../src/contract/models.ts';

/** The model may have to be loaded first. */
const LIMIT_MS = 600_000;

interface Made {
  readonly vector: readonly number[];
  readonly tokens: number;
  readonly tookMs: number;
}

export function TryVector({ model }: { readonly model: Pick<Model, 'name'> }): JSX.Element {
  const [text, setText] = useState('');
  const [made, setMade] = useState<Made | undefined>(undefined);
  const control = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => control.current?.abort(), []);
  const bodyOf = (input: string): { model: string; input: string } => ({ model: model.name, input });
  const ask = useAction(async (input: string) => {
    const mine = new AbortController();
    control.current = mine;
    const startedAt = performance.now();
    const { data, usage } = await call('POST /v1/embeddings', { body: bodyOf(input), signal: mine.signal, timeoutMs: LIMIT_MS });
    const vector = data[0]?.embedding;
    setMade({ vector: Array.isArray(vector) ? vector : [], tokens: usage.prompt_tokens, tookMs: performance.now() - startedAt });
  });
  const send = (): void => {
    if (text.trim() === '') return;
    setMade(undefined);
    void ask.run(text);
  };
  return (
    <>
      {ask.error !== undefined && ask.error.code !== 'aborted' && <ErrorView compact title="No vector came" error={ask.error} onRetry={send} />}
      {made !== undefined && (
        <div class="try-answer stack stack-tight" role="status">
          <div class="row">
            <span class="strong grow">{formatCount(made.vector.length, 'dimension')}</span>
            <CopyButton text={JSON.stringify(made.vector)} label="Copy the vector" />
          </div>
          <div class="mono try-text">{vectorWords(made.vector)}</div>
          <div class="faint small figures">
            {formatCount(made.tokens, 'token')} read · {formatDuration(made.tookMs)}
          </div>
        </div>
      )}
      <Textarea
        label="Text"
        placeholder="A text to make a vector of"
        rows={2}
        value={text}
        onInput={setText}
        onKeyDown={(event) => {
          if (sendsOn(event)) send();
        }}
      />
      <div class="row row-wrap">
        <Button kind="primary" icon={<Send size={14} />} busy={ask.busy} disabled={text.trim() === ''} onClick={send}>
          Make vector
        </Button>
        {ask.busy && (
          <Button icon={<Square size={14} />} onClick={() => control.current?.abort()}>
            Stop
          </Button>
        )}
        <span class="grow" />
        <AsCurl method="POST" path="v1/embeddings" body={bodyOf(text.trim() === '' ? 'Hello' : text)} />
      </div>
    </>
  );
}
