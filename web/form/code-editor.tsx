/** The code editor as a widget: its chunk is fetched when it is first shown. Text, knowledge and problems in, changes out. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { ErrorView, Skeleton } from '../ui/views.tsx';
import type { CodeEditor, CodeLanguage } from './code-mirror.ts';
import type { Knowledge } from './completion.ts';
import type { ExpressionData } from './expression-data.ts';
import { styleNonce } from './style-nonce.ts';
import type { EditorProblem } from './problems.ts';

export interface CodeEditorProps {
  readonly label: string;
  readonly text: string;
  readonly knowledge?: Knowledge;
  /** Default: JSON. */
  readonly language?: CodeLanguage;
  /** Names that {{ }} in it may read. */
  readonly data?: ExpressionData;
  readonly problems: readonly EditorProblem[];
  readonly readOnly?: boolean;
  /** Whose undo it is; absent: its own. */
  readonly history?: { readonly undo: () => void; readonly redo: () => void };
  readonly onChange: (text: string) => void;
  readonly onSave?: () => void;
  readonly onFormat?: () => void;
  readonly onReady?: (editor: CodeEditor) => void;
}

const NO_DATA: ExpressionData = { scope: {}, steps: [], secrets: [], names: [] };

export function CodeEditorView(props: CodeEditorProps): JSX.Element {
  const parent = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const [editor, setEditor] = useState<CodeEditor>();
  const [fault, setFault] = useState<string>();
  useEffect(() => {
    let made: CodeEditor | undefined;
    let gone = false;
    import('./code-mirror.ts').then(
      (module) => {
        if (gone || parent.current === null) return;
        made = module.createCodeEditor({
          parent: parent.current,
          text: latest.current.text,
          label: props.label,
          nonce: styleNonce(),
          readOnly: props.readOnly === true,
          language: props.language ?? 'json',
          ...(props.history === undefined ? {} : { history: props.history }),
          ...(props.data === undefined ? {} : { data: () => latest.current.data ?? NO_DATA }),
          ...(props.knowledge === undefined ? {} : { knowledge: () => latest.current.knowledge ?? { types: new Map(), secrets: [] } }),
          onChange: (text) => latest.current.onChange(text),
          onSave: () => latest.current.onSave?.(),
          onFormat: () => latest.current.onFormat?.(),
        });
        setEditor(made);
        latest.current.onReady?.(made);
      },
      (error: unknown) => setFault(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      gone = true;
      made?.destroy();
    };
  }, []);
  useEffect(() => editor?.setProblems(props.problems), [editor, props.problems]);
  // At once, not after the next frame: a key pressed in between would be taken back.
  useLayoutEffect(() => editor?.setText(props.text), [editor, props.text]);
  return (
    <div class="code-editor">
      {fault !== undefined && (
        <ErrorView title="The editor could not be loaded" error={{ code: 'page_load_failed', message: fault }} onRetry={() => window.location.reload()} />
      )}
      {editor === undefined && fault === undefined && <Skeleton label="Loading the editor" rows={12} />}
      <div ref={parent} class="code-editor-host" />
    </div>
  );
}
