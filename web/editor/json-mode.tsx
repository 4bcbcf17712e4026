/** The definition as text: the code editor over the same document as the canvas. What is typed here shows there and the other way round, one undo for both. */
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { JSX } from 'preact';
import { CodeEditorView } from '../form/code-editor.tsx';
import type { CodeEditor } from '../form/code-mirror.ts';
import { docOf } from '../form/json-doc.ts';
import { formatJson } from '../form/json-format.ts';
import { problemsOf } from '../form/problems.ts';
import { useCommands } from '../shell/commands.ts';
import { showText } from './json-text.ts';
import type { EditorSession } from './session.ts';

export function JsonMode(props: { readonly session: EditorSession }): JSX.Element {
  const { session } = props;
  const { document } = session;
  const editor = useRef<CodeEditor>();
  const text = session.text.value;
  const problems = useMemo(() => problemsOf(docOf(text), session.problems.value), [text, session.problems.value]);
  const isForeign = document.lockReason.value !== undefined;
  const format = (): void => {
    if (document.locked.value === undefined) document.changeText(formatJson(document.definition.value));
  };
  /** The problem that was asked for, or else the selected node. */
  const show = (): void => {
    const range = showText(text, session);
    if (range !== undefined) editor.current?.reveal(range.from, range.to);
  };
  useEffect(() => {
    if (session.shown.value !== undefined) show();
  }, [session.shown.value]);
  useCommands([{ id: 'editor-format', title: 'Format the definition', group: 'This page', keys: 'alt+shift+f', run: format }]);
  return (
    <div class="editor-json" id="editor-json">
      <CodeEditorView
        key={isForeign ? 'looking' : 'writing'}
        label={`Definition of ${document.about.value.name}`}
        text={text}
        knowledge={session.knowledge}
        problems={problems}
        readOnly={isForeign}
        history={document}
        onChange={(typed) => {
          if (typed !== session.text.peek()) document.changeText(typed);
        }}
        onSave={() => void session.draft.flush()}
        onFormat={format}
        onReady={(ready) => {
          editor.current = ready;
          show();
        }}
      />
    </div>
  );
}
