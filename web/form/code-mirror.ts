/** CodeMirror for definitions and code: highlighting, completion, hover, problems, search. The lazy chunk of the editor; imported by nobody at once.
 *  Knows no page: text, knowledge and problems come in, changes go out. Everything it shows is text, never markup. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { StreamLanguage, bracketMatching, foldGutter, foldKeymap, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { javascript } from '@codemirror/legacy-modes/mode/javascript';
import { python } from '@codemirror/legacy-modes/mode/python';
import { shell } from '@codemirror/legacy-modes/mode/shell';
import { lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { EditorState, Prec } from '@codemirror/state';
import type { Extension } from '@codemirror/state';
import { EditorView, drawSelection, dropCursor, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers } from '@codemirror/view';
import { explainAt, offersAt } from './completion.ts';
import type { Knowledge, Offer } from './completion.ts';
import type { ExpressionData } from './expression-data.ts';
import { infoBox, namesIn } from './expression-mirror.ts';
import { docOf } from './json-doc.ts';
import { colours, theme } from './mirror-theme.ts';
import type { EditorProblem } from './problems.ts';

export type CodeLanguage = 'json' | 'javascript' | 'python' | 'shell' | 'text';

export interface CodeEditorParts {
  readonly parent: HTMLElement;
  readonly text: string;
  readonly label: string;
  readonly nonce: string;
  readonly readOnly: boolean;
  readonly language: CodeLanguage;
  /** Names that {{ }} in it may read; absent: it holds no expressions. */
  readonly data?: () => ExpressionData;
  /** Absent: plain JSON without completion. */
  readonly knowledge?: () => Knowledge;
  /** Whose undo it is, where the text is a part of something larger; absent: its own. */
  readonly history?: { readonly undo: () => void; readonly redo: () => void };
  readonly onChange: (text: string) => void;
  readonly onSave: () => void;
  readonly onFormat: () => void;
}

export interface CodeEditor {
  text(): string;
  /** Replaces the text as one undoable change; the cursor stays where it can. */
  setText(text: string): void;
  setProblems(problems: readonly EditorProblem[]): void;
  /** Shows and selects a range. */
  reveal(from: number, to: number): void;
  focus(): void;
  destroy(): void;
}

export function createCodeEditor(parts: CodeEditorParts): CodeEditor {
  const view = new EditorView({ parent: parts.parent, state: EditorState.create({ doc: parts.text, extensions: extensionsOf(parts) }) });
  // A keyboard must be able to scroll it when it is read only.
  view.scrollDOM.tabIndex = 0;
  return {
    text: () => view.state.doc.toString(),
    setText(text) {
      const old = view.state.doc.toString();
      if (old === text) return;
      // What both begin and end with stays, and the cursor in it.
      const most = Math.min(old.length, text.length);
      let start = 0;
      while (start < most && old[start] === text[start]) start += 1;
      let end = 0;
      while (end < most - start && old[old.length - 1 - end] === text[text.length - 1 - end]) end += 1;
      view.dispatch({ changes: { from: start, to: old.length - end, insert: text.slice(start, text.length - end) } });
    },
    setProblems(problems) {
      const length = view.state.doc.length;
      const diagnostics = problems.map((problem) => ({
        from: Math.min(problem.from, length),
        to: Math.min(problem.to, length),
        severity: 'error' as const,
        message: problem.message,
        source: problem.code,
      }));
      view.dispatch(setDiagnostics(view.state, diagnostics));
    },
    reveal(from, to) {
      const length = view.state.doc.length;
      const anchor = Math.min(from, length);
      view.dispatch({ selection: { anchor, head: Math.min(to, length) }, effects: EditorView.scrollIntoView(anchor, { y: 'center' }) });
      view.focus();
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}

function extensionsOf(parts: CodeEditorParts): Extension[] {
  return [
    EditorView.cspNonce.of(parts.nonce),
    EditorView.contentAttributes.of({ 'aria-label': parts.label }),
    EditorState.readOnly.of(parts.readOnly),
    EditorView.lineWrapping,
    indentUnit.of('  '),
    lineNumbers(),
    foldGutter(),
    lintGutter(),
    ...undoing(parts.history),
    drawSelection(),
    dropCursor(),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    search({ top: true }),
    languageOf(parts.language),
    syntaxHighlighting(colours),
    theme,
    Prec.high(
      keymap.of([
        { key: 'Mod-s', run: () => (parts.onSave(), true), preventDefault: true },
        { key: 'Shift-Alt-f', run: () => (parts.onFormat(), true), preventDefault: true },
        // Tab indents; Escape, then Tab leaves the editor, so that no keyboard user is caught.
        { key: 'Escape', run: () => false },
      ]),
    ),
    keymap.of([...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...foldKeymap, ...lintKeymap, indentWithTab, ...defaultKeymap]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) parts.onChange(update.state.doc.toString());
    }),
    ...(parts.knowledge === undefined ? [] : [knowing(parts.knowledge)]),
    ...(parts.data === undefined ? [] : [namesIn({ bare: false, data: parts.data })]),
  ];
}

function undoing(shared: CodeEditorParts['history']): Extension[] {
  if (shared === undefined) return [history(), keymap.of(historyKeymap)];
  const undo = (): boolean => (shared.undo(), true);
  const redo = (): boolean => (shared.redo(), true);
  const keys = [
    { key: 'Mod-z', run: undo, preventDefault: true },
    { key: 'Mod-y', mac: 'Mod-Shift-z', run: redo, preventDefault: true },
    { key: 'Mod-Shift-z', run: redo, preventDefault: true },
  ];
  return [Prec.high(keymap.of(keys))];
}

function languageOf(language: CodeLanguage): Extension {
  switch (language) {
    case 'json':
      return json();
    case 'javascript':
      return StreamLanguage.define(javascript);
    case 'python':
      return StreamLanguage.define(python);
    case 'shell':
      return StreamLanguage.define(shell);
    case 'text':
      return [];
  }
}

function knowing(knowledge: () => Knowledge): Extension {
  const complete = (context: CompletionContext): CompletionResult | null => {
    const before = context.state.sliceDoc(Math.max(0, context.pos - 1), context.pos);
    if (!context.explicit && !/["\w.$ {]/.test(before)) return null;
    const found = offersAt(docOf(context.state.doc.toString()), context.pos, knowledge());
    if (found === undefined || (!context.explicit && before === ' ' && !context.state.sliceDoc(0, context.pos).endsWith('{{ '))) return null;
    // What stands after the cursor is replaced too, but it is no part of what is typed: it must not count when options are matched.
    const rest = found.to - context.pos;
    return {
      from: found.from,
      filter: true,
      options: found.offers.map((offer, index) => ({ ...completionOf(offer, rest), boost: Math.max(0, 40 - index) / 40 })),
    };
  };
  const hover = hoverTooltip((view, position) => {
    const found = explainAt(docOf(view.state.doc.toString()), position, knowledge());
    if (found === undefined) return null;
    return { pos: found.from, end: found.to, above: true, create: () => ({ dom: infoBox(found.title, found.text) }) };
  });
  return [autocompletion({ override: [complete], activateOnTyping: true, icons: false, maxRenderedOptions: 60 }), hover];
}

/** The text that is matched holds the quotes where a string is replaced, so that typing `"ty` still finds `type`. */
function completionOf(offer: Offer, rest: number): Completion {
  const quoted = offer.insert.startsWith('"');
  return {
    label: quoted ? `"${offer.label}"` : offer.label,
    displayLabel: offer.label,
    detail: offer.detail,
    type: offer.kind,
    ...(offer.info === '' ? {} : { info: () => infoBox('', offer.info) }),
    apply: (view, _completion, from, to) => {
      view.dispatch({
        changes: { from, to: Math.min(to + rest, view.state.doc.length), insert: offer.insert },
        selection: { anchor: from + offer.insert.length - offer.back },
        userEvent: 'input.complete',
      });
    },
  };
}
