/** Two JSON values compared: a line for each place that differs. Text only. */
import { jsonDiff } from './json-diff.ts';
import type { JsonChange } from './json-diff.ts';
import type { JSX } from 'preact';

const SHOWN_CHARACTERS = 300;

export function JsonDiff(props: { readonly label: string; readonly before: unknown; readonly after: unknown }): JSX.Element {
  const changes = jsonDiff(props.before, props.after);
  if (changes.length === 0) return <p class="muted">The same.</p>;
  return (
    <ul class="diff" aria-label={props.label}>
      {changes.map((change) => (
        <Line key={change.path} change={change} />
      ))}
      {changes.length >= 500 && <li class="muted">The first 500 differences.</li>}
    </ul>
  );
}

function Line(props: { readonly change: JsonChange }): JSX.Element {
  const { path, kind, before, after } = props.change;
  return (
    <li class="diff-line">
      <span class="diff-path mono">{path === '' ? 'the value' : path}</span>
      {kind !== 'added' && <del class="diff-before mono">{textOf(before)}</del>}
      {kind !== 'removed' && <ins class="diff-after mono">{textOf(after)}</ins>}
    </li>
  );
}

function textOf(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 1)}…` : text;
}
