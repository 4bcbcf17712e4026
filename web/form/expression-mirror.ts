/** A small CodeMirror for one text with expressions: colours, completion from data, names dropped in. Part of the lazy code chunk.
 *  Keeps no history of its own: the document's undo is the one. Everything it shows is text, never markup. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { standardKeymap } from '@codemirror/commands';
import { StreamLanguage, bracketMatching, syntaxHighlighting } from '@codemirror/language';
import type { StringStream } from '@codemirror/language';
import { Compartment, EditorState, Prec } from '@codemirror/state';
import type { Extension } from '@codemirror/state';
import { EditorView, drawSelection, keymap, placeholder } from '@codemirror/view';
import { PATH_MIME } from './drag-path.ts';
import { offersIn } from './expression-data.ts';
import type { ExpressionData, Offer } from './expression-data.ts';
import { colours, theme } from './mirror-theme.ts';

export interface ExpressionMirrorParts {
  readonly parent: HTMLElement;
  readonly text: string;
  readonly label: string;
  readonly describedBy: string;
  readonly nonce: string;
  readonly placeholder: string;
  /** The whole text is an expression, without braces. */
  readonly bare: boolean;
  /** Enter makes a new line. */
  readonly hasLines: boolean;
  readonly data: () => ExpressionData;
  readonly onChange: (text: string) => void;
}

export interface ExpressionMirror {
  setText(text: string): void;
  setReadOnly(readOnly: boolean): void;
  focus(): void;
  destroy(): void;
}

export function createExpressionMirror(parts: ExpressionMirrorParts): ExpressionMirror {
  const readOnly = new Compartment();
  let isOwn = false;
  const view = new EditorView({
    parent: parts.parent,
    state: EditorState.create({
      doc: parts.text,
      extensions: [
        readOnly.of([]),
        ...extensionsOf(parts),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !isOwn) parts.onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    setText(text) {
      if (view.state.doc.toString() === text) return;
      isOwn = true;
      const head = Math.min(view.state.selection.main.head, text.length);
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: head } });
      isOwn = false;
    },
    setReadOnly: (is) => view.dispatch({ effects: readOnly.reconfigure(EditorState.readOnly.of(is)) }),
    focus() {
      const text = view.state.doc.toString();
      const hole = /^\{\{ {2}\}\}$/.test(text) ? 3 : text.length;
      view.focus();
      view.dispatch({ selection: { anchor: hole } });
    },
    destroy: () => view.destroy(),
  };
}

function extensionsOf(parts: ExpressionMirrorParts): Extension[] {
  return [
    EditorView.cspNonce.of(parts.nonce),
    EditorView.contentAttributes.of({ 'aria-label': parts.label, 'aria-describedby': parts.describedBy }),
    EditorView.lineWrapping,
    drawSelection(),
    bracketMatching(),
    closeBrackets(),
    StreamLanguage.define(languageOf(parts.bare)),
    syntaxHighlighting(colours),
    theme,
    small,
    ...(parts.placeholder === '' ? [] : [placeholder(parts.placeholder)]),
    namesIn({ bare: parts.bare, data: parts.data }),
    droppedNames(parts.bare),
    ...(parts.hasLines ? [] : [EditorState.transactionFilter.of((change) => (change.newDoc.lines > 1 ? [] : change))]),
    keymap.of([...closeBracketsKeymap, ...completionKeymap, ...standardKeymap]),
    ...(parts.hasLines ? [] : [Prec.low(keymap.of([{ key: 'Enter', run: () => true }]))]),
  ];
}

const small = EditorView.theme({
  '.cm-content': { padding: '3px 0', minHeight: '26px' },
  '.cm-line': { padding: '0 8px' },
  '.cm-scroller': { maxHeight: '240px', overflow: 'auto' },
  '.cm-placeholder': { color: 'var(--text-3)' },
});

/** Completion of names inside {{ }}, or everywhere when `bare`. */
export function namesIn(options: { readonly bare: boolean; readonly data: () => ExpressionData }): Extension {
  const complete = (context: CompletionContext): CompletionResult | null => {
    const before = context.state.sliceDoc(Math.max(0, context.pos - 1), context.pos);
    if (!context.explicit && !/[\w.$`]/.test(before) && !context.state.sliceDoc(0, context.pos).endsWith('{{ ')) return null;
    const found = offersIn(context.state.doc.toString(), context.pos, { bare: options.bare, data: options.data() });
    if (found === undefined || found.offers.length === 0) return null;
    return { from: found.from, options: found.offers.map((offer, index) => completionOf(offer, found.offers.length - index)), validFor: /^[\w$]*$/ };
  };
  return autocompletion({ override: [complete], activateOnTyping: true, icons: false, maxRenderedOptions: 80 });
}

function completionOf(offer: Offer, rank: number): Completion {
  return {
    label: offer.label,
    detail: offer.detail,
    apply: offer.insert,
    boost: Math.min(99, rank) - (offer.kind === 'function' ? 99 : 0),
    ...(offer.info === '' ? {} : { info: () => infoBox('', offer.info) }),
  };
}

/** What completion and hovers say, as text. */
export function infoBox(title: string, text: string): HTMLElement {
  const box = document.createElement('div');
  box.className = 'code-info';
  if (title !== '') box.append(Object.assign(document.createElement('div'), { className: 'code-info-title', textContent: title }));
  if (text !== '') box.append(Object.assign(document.createElement('div'), { textContent: text }));
  return box;
}

/** A path dragged out of the inspector becomes an expression where it falls. */
function droppedNames(bare: boolean): Extension {
  return EditorView.domEventHandlers({
    drop(event, view) {
      const path = event.dataTransfer?.getData(PATH_MIME) ?? '';
      if (path === '') return false;
      const at = view.posAtCoords({ x: event.clientX, y: event.clientY }) ?? view.state.doc.length;
      const before = view.state.sliceDoc(0, at);
      const isInside = bare || before.lastIndexOf('{{') > before.lastIndexOf('}}');
      const insert = isInside ? path : `{{ ${path} }}`;
      view.dispatch({ changes: { from: at, insert }, selection: { anchor: at + insert.length } });
      view.focus();
      event.preventDefault();
      return true;
    },
  });
}

interface ExpressionState {
  isInside: boolean;
}

/** Colours of the language of expressions; text around {{ }} has none. */
function languageOf(bare: boolean) {
  return {
    name: 'expression',
    startState: (): ExpressionState => ({ isInside: bare }),
    copyState: (state: ExpressionState): ExpressionState => ({ ...state }),
    token(stream: StringStream, state: ExpressionState): string | null {
      if (!state.isInside) {
        if (stream.match('{{')) {
          state.isInside = true;
          return 'processingInstruction';
        }
        if (!stream.skipTo('{{')) stream.skipToEnd();
        return null;
      }
      if (!bare && stream.match('}}')) {
        state.isInside = false;
        return 'processingInstruction';
      }
      if (stream.eatSpace()) return null;
      if (stream.match(/^"(?:[^"\\]|\\.)*"?|^'(?:[^'\\]|\\.)*'?/)) return 'string';
      if (stream.match(/^\d+(\.\d+)?([eE][+-]?\d+)?/)) return 'number';
      if (stream.match(/^\$[\w]*/)) return 'keyword';
      if (stream.match(/^(true|false|null)\b/)) return 'bool';
      if (stream.match(/^(and|or|in)\b/)) return 'keyword';
      if (stream.match(/^[A-Za-z_]\w*|^`[^`]*`?/)) return 'propertyName';
      stream.next();
      return null;
    },
  };
}
