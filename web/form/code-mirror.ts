/** CodeMirror for definitions: highlighting, completion, hover, problems, search. The lazy chunk of the editor; imported by nobody at once.
 *  Knows no page: text, knowledge and problems come in, changes go out. Everything it shows is text, never markup. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { EditorState, Prec } from '@codemirror/state';
import type { Extension } from '@codemirror/state';
import { EditorView, drawSelection, dropCursor, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { explainAt, offersAt } from './completion.ts';
import type { Knowledge, Offer } from './completion.ts';
import { docOf } from './json-doc.ts';
import type { EditorProblem } from './problems.ts';

export interface CodeEditorParts {
  readonly parent: HTMLElement;
  readonly text: string;
  readonly label: string;
  readonly nonce: string;
  readonly readOnly: boolean;
  /** Absent: plain JSON without completion. */
  readonly knowledge?: () => Knowledge;
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
      if (view.state.doc.toString() === text) return;
      const head = Math.min(view.state.selection.main.head, text.length);
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: head } });
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
    history(),
    drawSelection(),
    dropCursor(),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    search({ top: true }),
    json(),
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
    keymap.of([...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap, indentWithTab, ...defaultKeymap]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) parts.onChange(update.state.doc.toString());
    }),
    ...(parts.knowledge === undefined ? [] : [knowing(parts.knowledge)]),
  ];
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

function infoBox(title: string, text: string): HTMLElement {
  const box = document.createElement('div');
  box.className = 'code-info';
  if (title !== '') box.append(Object.assign(document.createElement('div'), { className: 'code-info-title', textContent: title }));
  if (text !== '') box.append(Object.assign(document.createElement('div'), { textContent: text }));
  return box;
}

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--port-text)' },
  { tag: tags.string, color: 'var(--port-audio)' },
  { tag: tags.number, color: 'var(--port-number)' },
  { tag: [tags.bool, tags.null], color: 'var(--port-model)' },
  { tag: [tags.separator, tags.squareBracket, tags.brace], color: 'var(--text-3)' },
]);

const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--text)', backgroundColor: 'var(--surface)', font: 'var(--type-mono)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { font: 'var(--type-mono)', lineHeight: '20px' },
  '.cm-content': { caretColor: 'var(--text)', padding: '8px 0' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--text-3)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--hover) 60%, transparent)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--accent-soft)' },
  '.cm-selectionMatch': { backgroundColor: 'var(--active)' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--active)', outline: '1px solid var(--line-control)' },
  '.cm-foldPlaceholder': { backgroundColor: 'var(--active)', border: 'none', color: 'var(--text-2)', padding: '0 4px' },
  '.cm-tooltip': {
    backgroundColor: 'var(--raised)',
    border: '1px solid var(--line-strong)',
    borderRadius: 'var(--radius-card)',
    boxShadow: 'var(--shadow)',
    color: 'var(--text)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { font: 'var(--type-mono)', maxHeight: '260px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px', lineHeight: '20px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent-soft)', color: 'var(--text)' },
  '.cm-completionDetail': { color: 'var(--text-3)', fontStyle: 'normal', marginLeft: '12px' },
  '.cm-completionMatchedText': { textDecoration: 'none', color: 'var(--accent-text)' },
  '.cm-tooltip.cm-completionInfo': { padding: '0' },
  '.cm-panels': { backgroundColor: 'var(--raised)', color: 'var(--text)' },
  '.cm-panels.cm-panels-top': { borderBottom: '1px solid var(--line)' },
  '.cm-panel.cm-search': { font: 'var(--type-small)', padding: '6px 8px' },
  '.cm-textfield': {
    backgroundColor: 'var(--surface)',
    border: '1px solid var(--line-control)',
    borderRadius: 'var(--radius)',
    color: 'var(--text)',
    fontSize: '12px',
  },
  '.cm-button': {
    backgroundImage: 'none',
    backgroundColor: 'var(--surface)',
    border: '1px solid var(--line-strong)',
    borderRadius: 'var(--radius)',
    color: 'var(--text)',
    fontSize: '12px',
  },
  '.cm-searchMatch': { backgroundColor: 'var(--retry-tint)', outline: '1px solid var(--retry-solid)' },
  '.cm-searchMatch.cm-searchMatch-selected': { backgroundColor: 'var(--accent-soft)' },
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--failed-solid) 1px', textUnderlineOffset: '3px' },
  '.cm-diagnostic': { padding: '6px 8px', font: 'var(--type-small)' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--failed-solid)' },
  '.cm-lint-marker-error': { content: '""', width: '8px', height: '8px', margin: '6px 2px', borderRadius: '50%', backgroundColor: 'var(--failed-solid)' },
});
