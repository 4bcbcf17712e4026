/** The first minutes: three steps to a finished run, shown until something has run. */
import { FileUp, Play, Sparkles } from 'lucide-preact';
import { href } from '../../route.ts';
import { ButtonLink } from '../../ui/button.tsx';
import type { JSX } from 'preact';
import type { WorkflowSummary } from '../../../src/contract/workflows.ts';

export function FirstRun(props: { readonly workflows: readonly WorkflowSummary[] }): JSX.Element {
  const [example] = props.workflows;
  return (
    <section class="first-run" aria-label="First steps">
      <div class="grow stack stack-tight">
        <h2 class="row">
          <Sparkles size={16} aria-hidden="true" />
          Run the example
        </h2>
        <p class="muted">
          It reads a file, computes over it in JavaScript, runs a command on the machine and writes the result. Take the sample file, or one of yours.
        </p>
      </div>
      <div class="row row-wrap">
        <ButtonLink href={href('/files')} icon={<FileUp size={14} />}>
          Upload a file
        </ButtonLink>
        <ButtonLink kind="primary" href={href(example === undefined ? '/workflows' : `/workflows/${example.id}`)} icon={<Play size={14} />}>
          {example === undefined ? 'See the workflows' : `Open ${example.name}`}
        </ButtonLink>
      </div>
    </section>
  );
}
