/** What went in and what came out of an instance: its output, the artifacts of its jobs, its input. */
import { useEffect } from 'preact/hooks';
import type { JSX } from 'preact';
import type { InstancePage, InstanceState } from '../../state/instance.ts';
import { JsonView } from '../../ui/json-view.tsx';
import { toastError } from '../../ui/toast.tsx';
import { Skeleton } from '../../ui/views.tsx';
import { ArtifactsSection } from '../jobs/artifacts.tsx';

// Artifacts of more jobs than this are seen step by step.
const MAX_JOBS = 20;

export function ResultPane(props: { readonly state: InstanceState; readonly page: InstancePage }): JSX.Element {
  const { state, page } = props;
  const { instance } = page;
  useEffect(() => {
    if (page.outputOutdated) state.fetchInstance().catch((error: unknown) => toastError('Read the output', error));
  }, [page.outputOutdated]);
  const jobs = [...page.steps.values()].filter((step) => step.jobId !== undefined && step.endedAt !== null).slice(-MAX_JOBS);
  const jobIds = jobs.map((step) => step.jobId ?? '');
  return (
    <div class="pane">
      <div class="pane-body">
        {jobIds.length > 0 && <ArtifactsSection jobIds={jobIds} version={jobs.map((step) => step.seq).join('.')} />}
        <section class="pane-section" aria-label="Output">
          <h2>Output</h2>
          {instance.endedAt === null ? (
            <p class="muted">Not there yet: the output is that of the last nodes.</p>
          ) : page.outputOutdated ? (
            <Skeleton rows={3} />
          ) : (
            <JsonView value={instance.output} label="Output" />
          )}
        </section>
        <section class="pane-section" aria-label="Input">
          <h2>Input</h2>
          <JsonView value={instance.input} label="Input" pathPrefix="input" />
        </section>
      </div>
    </div>
  );
}
