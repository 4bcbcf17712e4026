/** The changes of a comparison as a list: what came, went and changed, field by field. */
import type { JSX } from 'preact';
import type { Change } from '../../src/contract/definitions.ts';
import type { Mark } from '../graph/model.ts';
import type { ChangeItem } from './compare-model.ts';
import { diffText, foldSame } from './text-diff.ts';

const SIGNS: Readonly<Record<Mark, string>> = { added: '+', removed: '−', changed: '~', moved: '↔' };
const MAX_SHOWN_CHARS = 400;

export function ChangeList(props: {
  readonly items: readonly ChangeItem[];
  readonly selected: string | undefined;
  readonly onSelect: (key: string | undefined) => void;
}): JSX.Element {
  return (
    <ul class="change-list" aria-label="Changes">
      {props.items.map((item) => (
        <li key={`${item.kind}${item.mark}${item.title}`} class={item.node !== undefined && item.node === props.selected ? 'change change-selected' : 'change'}>
          <button type="button" class="change-head" disabled={item.node === undefined} onClick={() => props.onSelect(item.node)}>
            <span class={`change-sign graph-mark-${item.mark}`} aria-hidden="true">
              {SIGNS[item.mark]}
            </span>
            <span class="grow truncate">
              <span class="faint">{item.kind} </span>
              {item.title}
            </span>
            <span class={`small graph-mark-${item.mark}`}>{item.mark}</span>
          </button>
          {item.mark === 'changed' && item.changes.map((change) => <Field key={change.path} change={change} />)}
        </li>
      ))}
    </ul>
  );
}

function Field(props: { readonly change: Change }): JSX.Element {
  const { path, before, after } = props.change;
  const isText = typeof before === 'string' && typeof after === 'string' && `${before}${after}`.includes('\n');
  return (
    <div class="change-field">
      {path !== '' && <div class="mono small faint">{path}</div>}
      {isText ? (
        <pre class="text-diff">
          {foldSame(diffText(before, after), 1).map((line, index) =>
            line.kind === 'gap' ? (
              <div key={index} class="text-diff-gap">
                …
              </div>
            ) : (
              <div key={index} class={`text-diff-${line.kind}`}>
                {line.text === '' ? ' ' : line.text}
              </div>
            ),
          )}
        </pre>
      ) : (
        <>
          {before !== undefined && <div class="text-diff-removed mono small change-value">{shown(before)}</div>}
          {after !== undefined && <div class="text-diff-added mono small change-value">{shown(after)}</div>}
        </>
      )}
    </div>
  );
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}
