/** A text with expressions: the small editor, and below it the value that it gives with the data of the last run, its type, its faults. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { formatBytes } from '../ui/format.ts';
import type { ExpressionMirror } from './expression-mirror.ts';
import { useFormTools } from './form-context.ts';
import { usePreview } from './preview-state.ts';
import type { PreviewState } from './preview-state.ts';
import { styleNonce } from './style-nonce.ts';

export interface ExpressionFieldProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** The whole text is an expression, without braces. */
  readonly bare?: boolean;
  readonly hasLines?: boolean;
  readonly placeholder?: string;
  /** Names beside the usual ones. */
  readonly names?: readonly string[];
  /** What the server says of it: shown unless the preview says what is wrong. */
  readonly fault?: string | undefined;
  /** Takes the focus when it appears: somebody just asked for it. */
  readonly autofocus?: boolean;
}

export function ExpressionField(props: ExpressionFieldProps): JSX.Element {
  const tools = useFormTools();
  const parent = useRef<HTMLDivElement>(null);
  const latest = useRef({ props, data: tools.data });
  const data = props.names === undefined ? tools.data : { ...tools.data, names: props.names };
  latest.current = { props, data };
  const [mirror, setMirror] = useState<ExpressionMirror>();
  const [failed, setFailed] = useState(false);
  const noteId = `${props.id}-value`;
  useEffect(() => {
    let made: ExpressionMirror | undefined;
    let gone = false;
    import('./expression-mirror.ts').then(
      (module) => {
        if (gone || parent.current === null) return;
        made = module.createExpressionMirror({
          ...{ parent: parent.current, text: latest.current.props.value, label: props.label, describedBy: noteId, nonce: styleNonce() },
          ...{ placeholder: props.placeholder ?? '', bare: props.bare === true, hasLines: props.hasLines === true },
          data: () => latest.current.data,
          onChange: (text) => latest.current.props.onChange(text),
        });
        setMirror(made);
        if (props.autofocus === true) made.focus();
      },
      () => setFailed(true),
    );
    return () => {
      gone = true;
      made?.destroy();
    };
  }, []);
  // At once, not after the next frame: a key pressed in between would be taken back.
  useLayoutEffect(() => mirror?.setText(props.value), [mirror, props.value]);
  useEffect(() => mirror?.setReadOnly(tools.locked), [mirror, tools.locked]);
  const isBare = props.bare === true && !props.value.includes('{{');
  const preview = usePreview(props.value, { bare: isBare, data });
  return (
    <div class="expression">
      {failed ? (
        <textarea
          class="input textarea mono"
          rows={2}
          aria-label={props.label}
          aria-describedby={noteId}
          value={props.value}
          onInput={(event) => props.onChange(event.currentTarget.value)}
        />
      ) : (
        <div ref={parent} class="expression-box" />
      )}
      <div id={noteId} class="expression-value" role="status">
        <PreviewLine state={preview} fault={props.fault} />
      </div>
    </div>
  );
}

const TYPES = { text: 'text', number: 'number', boolean: 'yes or no', list: 'list', object: 'object', nothing: 'nothing there' } as const;
const SHOWN_CHARS = 200;

function PreviewLine(props: { readonly state: PreviewState; readonly fault: string | undefined }): JSX.Element | null {
  const { state, fault } = props;
  if (fault !== undefined && (state.kind !== 'answer' || state.answer.problems.length === 0)) return <span class="field-fault">{fault}</span>;
  if (state.kind === 'none') return null;
  if (state.kind === 'asking') return <span class="faint">…</span>;
  if (state.kind === 'fault') return <span class="faint">{state.message}</span>;
  const { value, type, bytes, isCut, problems } = state.answer;
  const [problem] = problems;
  if (problem !== undefined) return <span class="field-fault">{problem.message}</span>;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return (
    <>
      <span class="expression-type">{TYPES[type]}</span>
      {type !== 'nothing' && <code class="truncate">{text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text}</code>}
      {isCut && <span class="faint">{formatBytes(bytes)}</span>}
    </>
  );
}
