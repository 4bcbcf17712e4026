/** What is wrong with the workflow, below the canvas: folded to a line, unfolded to a list that leads to each place. */
import { ChevronDown, ChevronUp } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Problem } from '../../src/contract/graph.ts';
import { formatCount } from '../ui/format.ts';
import { StatusShape } from '../ui/status-chip.tsx';

export function ProblemsPanel(props: {
  readonly problems: readonly Problem[];
  readonly checking: boolean;
  readonly onShow: (problem: Problem) => void;
}): JSX.Element {
  const { problems } = props;
  const [isOpen, setOpen] = useState(false);
  const count = problems.length;
  return (
    <section class="editor-problems" aria-label="Problems">
      <button type="button" class="editor-problems-head" aria-expanded={isOpen && count > 0} disabled={count === 0} onClick={() => setOpen(!isOpen)}>
        <StatusShape status={count > 0 ? 'failed' : 'completed'} />
        <span role="status">{count > 0 ? formatCount(count, 'problem') : 'No problems'}</span>
        {props.checking && <span class="faint">checking…</span>}
        {!isOpen && problems[0] !== undefined && <span class="faint truncate grow editor-problems-first">{problems[0].message}</span>}
        {count > 0 && (isOpen ? <ChevronDown size={14} aria-hidden="true" /> : <ChevronUp size={14} aria-hidden="true" />)}
      </button>
      {isOpen && count > 0 && (
        <ul class="editor-problems-list">
          {problems.map((problem) => (
            <li key={`${problem.path}${problem.code}${problem.message}`}>
              <button type="button" class="problem" onClick={() => props.onShow(problem)}>
                <span class="mono small editor-problem-place">{problem.node ?? problem.path}</span>
                <span class="grow">{problem.message}</span>
                <span class="faint mono small">{problem.code}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
