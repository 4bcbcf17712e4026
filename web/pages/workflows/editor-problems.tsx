/** The problems of a draft: a list that jumps into the text. */
import type { JSX } from 'preact';
import type { EditorProblem } from '../../form/problems.ts';
import { Button } from '../../ui/button.tsx';
import { formatCount } from '../../ui/format.ts';
import { StatusShape } from '../../ui/status-chip.tsx';

export function Problems(props: {
  readonly problems: readonly EditorProblem[];
  readonly checking: boolean;
  readonly onReveal: (problem: EditorProblem) => void;
  readonly onFormat: () => void;
  readonly onRevert: () => void;
}): JSX.Element {
  const { problems } = props;
  return (
    <section class="problems" aria-label="Problems">
      <div class="problems-head">
        <span class="row grow" role="status">
          <StatusShape status={problems.length > 0 ? 'failed' : 'completed'} />
          {problems.length > 0 ? formatCount(problems.length, 'problem') : 'No problems'}
          {props.checking && <span class="faint">checking…</span>}
        </span>
        <Button size="small" kind="quiet" onClick={props.onFormat} tip="Shift Alt F">
          Format
        </Button>
        <Button size="small" kind="quiet" onClick={props.onRevert}>
          Revert…
        </Button>
      </div>
      {problems.map((problem) => (
        <button key={`${problem.from}${problem.code}${problem.message}`} type="button" class="problem" onClick={() => props.onReveal(problem)}>
          <span class="problem-line">{problem.line}</span>
          <span class="grow">{problem.message}</span>
          <span class="faint mono small">{problem.code}</span>
        </button>
      ))}
    </section>
  );
}
