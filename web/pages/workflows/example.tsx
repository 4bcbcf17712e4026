/** The first minutes: one click from here to a finished run with a chart. */
import { Play, Sparkles } from 'lucide-preact';
import type { JSX } from 'preact';
import { href } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { PickFiles } from '../../ui/drop-zone.tsx';
import { runExample } from './example.ts';

export interface TryExampleProps {
  readonly workflow: { readonly id: string; readonly name: string; readonly lastInstance: { readonly id: string } | null };
}

export function TryExample(props: TryExampleProps): JSX.Element {
  const { workflow } = props;
  const sample = useAction(async () => await runExample(workflow.id));
  const own = useAction(async (file: File) => await runExample(workflow.id, file));
  const error = sample.error ?? own.error;
  return (
    <section class="example-hero" aria-label="Try the example">
      <div class="grow stack stack-tight">
        <h2 class="row">
          <Sparkles size={16} aria-hidden="true" />
          {workflow.lastInstance === null ? 'Try the example' : 'Run the example again'}
        </h2>
        <p class="muted">
          It reads a table, summarises it in JavaScript, draws a chart with a shell command and writes a report. Take the sample, or a CSV of yours.{' '}
          <a href={href(`/workflows/${workflow.id}`)}>See how it is made</a>
        </p>
        {error !== undefined && (
          <p class="field-fault" role="alert">
            {error.message}
          </p>
        )}
      </div>
      <div class="row row-wrap">
        <PickFiles multiple={false} onFiles={(files) => files[0] !== undefined && void own.run(files[0])}>
          {own.busy ? 'Uploading…' : 'Take a CSV of mine'}
        </PickFiles>
        <Button icon={<Play size={14} />} busy={sample.busy || own.busy} onClick={() => void sample.run()}>
          Run on the sample
        </Button>
      </div>
    </section>
  );
}
