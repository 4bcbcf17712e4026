/** The first minutes: one click to a finished run with a chart, shown until something has run. */
import { Play, Sparkles } from 'lucide-preact';
import { href } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { PickFiles } from '../../ui/drop-zone.tsx';
import { isExample, runExample } from '../workflows/example.ts';
import type { JSX } from 'preact';
import type { WorkflowSummary } from '../../../src/contract/workflows.ts';

export function FirstRun(props: { readonly workflows: readonly WorkflowSummary[] }): JSX.Element {
  const example = props.workflows.find(isExample);
  const sample = useAction(async (id: string) => await runExample(id));
  const own = useAction(async (run: { readonly id: string; readonly file: File }) => await runExample(run.id, run.file));
  const error = sample.error ?? own.error;
  return (
    <section class="first-run" aria-label="First steps">
      <div class="grow stack stack-tight">
        <h2 class="row">
          <Sparkles size={16} aria-hidden="true" />
          Run the example
        </h2>
        <p class="muted">
          It reads a table, summarises it in JavaScript, draws a chart with a command on this machine and writes a report. Take the sample, or a CSV of yours.
        </p>
        {error !== undefined && (
          <p class="field-fault" role="alert">
            {error.message}
          </p>
        )}
      </div>
      {example === undefined ? (
        <ButtonLink kind="primary" href={href('/workflows')}>
          See the workflows
        </ButtonLink>
      ) : (
        <div class="row row-wrap">
          <ButtonLink href={href(`/workflows/${example.id}`)}>Open the example</ButtonLink>
          <PickFiles multiple={false} onFiles={(files) => files[0] !== undefined && void own.run({ id: example.id, file: files[0] })}>
            {own.busy ? 'Uploading…' : 'Take a CSV of mine'}
          </PickFiles>
          <Button kind="primary" icon={<Play size={14} />} busy={sample.busy || own.busy} onClick={() => void sample.run(example.id)}>
            Run on the sample
          </Button>
        </div>
      )}
    </section>
  );
}
