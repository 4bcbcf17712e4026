/** A short talk with a model, streamed as it comes. Enter sends, Shift and Enter begin a line. Leaving the page ends what still runs. */
import { Eraser, Send, Square } from 'lucide-preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { callStream } from '../../api.ts';
import { Button } from '../../ui/button.tsx';
import { AsCurl } from '../../ui/copy.tsx';
import { Textarea } from '../../ui/field.tsx';
import { ErrorView } from '../../ui/views.tsx';
import { chatBody, figuresOf, newAnswer, readAnswer, sendsOn } from './try-model.ts';
import type { JSX, RefObject } from 'preact';
import type { Model } from '../../../src/contract/models.ts';
import type { Answer, Turn } from './try-model.ts';

interface Talk {
  readonly turns: readonly Turn[];
  readonly isBusy: boolean;
  /** Asks after `turns`, which become the talk. */
  readonly ask: (question: string, turns: readonly Turn[], instructions: string) => void;
  readonly stop: () => void;
  readonly clear: () => void;
}

function useTalk(model: string): Talk {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const control = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => control.current?.abort(), []);
  const ask: Talk['ask'] = (question, before, instructions) => {
    const mine = new AbortController();
    control.current = mine;
    setTurns([...before, { question, answer: newAnswer(performance.now()) }]);
    const open = (): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> =>
      callStream('POST /v1/chat/completions', { body: chatBody(model, { turns: before, instructions, question }), signal: mine.signal });
    void readAnswer(open, {
      signal: mine.signal,
      now: () => performance.now(),
      onChange: (answer) => {
        if (control.current === mine) setTurns([...before, { question, answer }]);
      },
    });
  };
  const clear = (): void => {
    control.current?.abort();
    control.current = undefined;
    setTurns([]);
  };
  return { turns, isBusy: turns.at(-1)?.answer.status === 'running', ask, stop: () => control.current?.abort(), clear };
}

export function TryTalk({ model }: { readonly model: Pick<Model, 'name'> }): JSX.Element {
  const talk = useTalk(model.name);
  const [draft, setDraft] = useState('');
  const [instructions, setInstructions] = useState('');
  const list = useFollow(talk.turns);
  const isEmpty = draft.trim() === '';
  const send = (): void => {
    if (talk.isBusy || isEmpty) return;
    talk.ask(draft.trim(), talk.turns, instructions);
    setDraft('');
  };
  const shown = isEmpty ? { turns: talk.turns.slice(0, -1), question: talk.turns.at(-1)?.question ?? 'Hello' } : { turns: talk.turns, question: draft.trim() };
  return (
    <>
      {talk.turns.length > 0 && (
        <div class="try-turns stack" ref={list} role="log" aria-label="Talk" aria-busy={talk.isBusy} tabIndex={0}>
          {talk.turns.map((turn, index) => (
            <TurnView
              key={index}
              turn={turn}
              onRetry={index === talk.turns.length - 1 ? () => talk.ask(turn.question, talk.turns.slice(0, -1), instructions) : undefined}
            />
          ))}
        </div>
      )}
      <details class="try-fold">
        <summary class="small muted">Instructions</summary>
        <Textarea label="Instructions" placeholder="What the model is told before the talk" rows={2} value={instructions} onInput={setInstructions} />
      </details>
      <Textarea
        label="Message"
        placeholder="Ask something"
        rows={2}
        value={draft}
        onInput={setDraft}
        onKeyDown={(event) => {
          if (sendsOn(event)) send();
        }}
      />
      <div class="row row-wrap">
        {talk.isBusy ? (
          <Button icon={<Square size={14} />} onClick={talk.stop}>
            Stop
          </Button>
        ) : (
          <Button kind="primary" icon={<Send size={14} />} disabled={isEmpty} onClick={send}>
            Send
          </Button>
        )}
        {talk.turns.length > 0 && (
          <Button kind="quiet" icon={<Eraser size={14} />} onClick={talk.clear}>
            Clear
          </Button>
        )}
        <span class="grow" />
        <AsCurl method="POST" path="v1/chat/completions" body={chatBody(model.name, { ...shown, instructions })} />
      </div>
    </>
  );
}

/** Keeps the end in sight while it grows, unless the reader has scrolled up. A new turn is always shown. */
function useFollow(turns: readonly Turn[]): RefObject<HTMLDivElement> {
  const list = useRef<HTMLDivElement>(null);
  const last = useRef({ height: 0, count: 0 });
  useLayoutEffect(() => {
    const { current } = list;
    if (current === null) return;
    const wasAtEnd = last.current.height - current.scrollTop - current.clientHeight < 24;
    if (wasAtEnd || turns.length !== last.current.count) current.scrollTop = current.scrollHeight;
    last.current = { height: current.scrollHeight, count: turns.length };
  }, [turns]);
  return list;
}

function TurnView({ turn, onRetry }: { readonly turn: Turn; readonly onRetry: (() => void) | undefined }): JSX.Element {
  const { question, answer } = turn;
  const figures = figuresOf(answer);
  return (
    <div class="stack stack-tight">
      <div class="try-question try-text">{question}</div>
      {answer.reasoning !== '' && (
        <details class="try-fold">
          <summary class="small muted">{answer.status === 'running' && answer.text === '' ? 'Reasoning …' : 'Reasoning'}</summary>
          <div class="try-text small muted">{answer.reasoning}</div>
        </details>
      )}
      {answer.text !== '' && <div class="try-answer try-text">{answer.text}</div>}
      {answer.status === 'running' && answer.text === '' && <Waiting answer={answer} />}
      {answer.error !== undefined && <ErrorView compact title="No whole answer came" error={answer.error} {...(onRetry === undefined ? {} : { onRetry })} />}
      {figures !== '' && <div class="faint small figures">{figures}</div>}
    </div>
  );
}

function Waiting({ answer }: { readonly answer: Answer }): JSX.Element {
  const words = answer.waiting !== '' ? answer.waiting : answer.reasoning !== '' ? 'It reasons …' : 'Asked …';
  return (
    <div class="row small muted try-waiting" role="status">
      <span class="spinner" aria-hidden="true" />
      <span class="grow">{words}</span>
    </div>
  );
}
