/** What a step waits for, and the hand that ends it: an approval with its form, a URL to call, a start, an instance that was called. */
import { Play } from 'lucide-preact';
import type { JSX } from 'preact';
import type { ApprovalFacts } from '../../../src/contract/approvals.ts';
import type { Instance, Step, WaitReason } from '../../../src/contract/instances.ts';
import { call, baseUrl } from '../../api.ts';
import { href } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { toast } from '../../ui/toast.tsx';
import { ErrorView } from '../../ui/views.tsx';
import { DecisionForm } from '../approvals/decision-form.tsx';

export interface WaitCardProps {
  readonly instance: Instance;
  readonly step: Step;
  readonly onInstance: (instance: Instance) => void;
}

/** Null where nothing but time ends the wait. */
export function WaitCard(props: WaitCardProps): JSX.Element | null {
  const reason = props.step.waitReason;
  if (props.step.status !== 'waiting' || reason === undefined) return null;
  if (reason.kind === 'approval' && reason.data !== undefined) {
    const place = { instanceId: props.instance.id, path: props.step.path };
    return <DecisionForm place={place} facts={reason.data as unknown as ApprovalFacts} onDecided={props.onInstance} />;
  }
  if (reason.kind === 'webhook' && reason.url !== undefined) return <Callback url={reason.url} />;
  if (reason.kind === 'manual_trigger' || reason.kind === 'debug_pause') return <Start {...props} reason={reason} />;
  if (reason.instanceId === undefined) return null;
  return (
    <section class="wait-card" aria-label="The instance that was called">
      <a class="mono" href={href(`/instances/${reason.instanceId}`)}>
        {reason.instanceId}
      </a>
    </section>
  );
}

function Callback(props: { readonly url: string }): JSX.Element {
  const url = new URL(`.${props.url}`, baseUrl()).href;
  return (
    <section class="wait-card stack" aria-label="URL to call">
      <p class="muted">The first call of this URL ends the wait:</p>
      <code class="wait-url">{url}</code>
      <div class="row">
        <CopyButton text={url} words="Copy the URL" />
      </div>
    </section>
  );
}

function Start(props: WaitCardProps & { readonly reason: WaitReason }): JSX.Element {
  const { instance, step, reason } = props;
  const start = useAction(async () => {
    const reply = await call('POST /api/v1/instances/{id}/steps/{path}/start', { params: { id: instance.id, path: step.path } });
    props.onInstance(reply.instance);
  });
  const runAll = useAction(async () => {
    props.onInstance(await call('POST /api/v1/instances/{id}/resume', { params: { id: instance.id }, body: { debug: false } }));
    toast({ text: 'The rest runs without pauses' });
  });
  const error = start.error ?? runAll.error;
  return (
    <section class="wait-card stack" aria-label="Start by hand">
      {error !== undefined && <ErrorView compact title="It did not start" error={error} />}
      <div class="row row-wrap">
        <Button kind="primary" icon={<Play size={14} />} busy={start.busy} onClick={() => void start.run()}>
          Start this step
        </Button>
        {reason.kind === 'debug_pause' && (
          <Button busy={runAll.busy} onClick={() => void runAll.run()}>
            Run the rest without pauses
          </Button>
        )}
      </div>
    </section>
  );
}
