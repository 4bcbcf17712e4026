/** What a step waits for, and the hand that ends it: an approval with its form, a URL to call, a start, an instance that was called. */
import { Check, Play, X } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { ApprovalFacts } from '../../../src/contract/approvals.ts';
import type { Json } from '../../../src/contract/endpoint.ts';
import type { Instance, Step, WaitReason } from '../../../src/contract/instances.ts';
import { call, baseUrl } from '../../api.ts';
import { InputForm, inputState, inputValue } from '../../form/input-form.tsx';
import { href } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Field, Textarea } from '../../ui/field.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { ErrorView } from '../../ui/views.tsx';

export interface WaitCardProps {
  readonly instance: Instance;
  readonly step: Step;
  readonly onInstance: (instance: Instance) => void;
}

/** Null where nothing but time ends the wait. */
export function WaitCard(props: WaitCardProps): JSX.Element | null {
  const reason = props.step.waitReason;
  if (props.step.status !== 'waiting' || reason === undefined) return null;
  if (reason.kind === 'approval' && reason.data !== undefined) return <Approval {...props} facts={reason.data as unknown as ApprovalFacts} />;
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

function Approval(props: WaitCardProps & { readonly facts: ApprovalFacts }): JSX.Element {
  const { instance, step, facts } = props;
  const schema = facts.form;
  const [state, setState] = useState(() => inputState(schema, {}));
  const [comment, setComment] = useState('');
  const [tried, setTried] = useState(false);
  const decide = useAction(async (decision: 'approve' | 'reject') => {
    const why = comment.trim() === '' ? {} : { comment: comment.trim() };
    const result = inputValue(schema, state);
    const form = decision === 'approve' && schema !== undefined && 'value' in result ? { form: result.value as Json } : {};
    const params = { id: instance.id, path: step.path };
    const reply =
      decision === 'approve'
        ? await call('POST /api/v1/instances/{id}/steps/{path}/approve', { params, body: { ...why, ...form } })
        : await call('POST /api/v1/instances/{id}/steps/{path}/reject', { params, body: why });
    toast({ text: decision === 'approve' ? 'Approved' : 'Rejected' });
    props.onInstance(reply.instance);
  });
  const approve = (event: Event): void => {
    event.preventDefault();
    setTried(true);
    if (schema === undefined || 'value' in inputValue(schema, state)) void decide.run('approve');
  };
  return (
    <section class="wait-card" aria-label="Approval">
      <form class="stack" onSubmit={approve}>
        <h3 class="wait-title">{facts.title}</h3>
        {facts.message !== undefined && <p class="wait-message">{facts.message}</p>}
        <Decisions facts={facts} />
        {decide.error !== undefined && <ErrorView compact title="It was not taken" error={decide.error} />}
        {schema !== undefined && <InputForm schema={schema} state={state} onChange={setState} showFaults={tried} />}
        <Field label="Comment" optional>
          {(links) => <Textarea {...links} rows={2} value={comment} onInput={setComment} />}
        </Field>
        <div class="row row-wrap">
          <Button kind="primary" type="submit" icon={<Check size={14} />} busy={decide.busy}>
            Approve
          </Button>
          <Button icon={<X size={14} />} busy={decide.busy} onClick={() => void decide.run('reject')}>
            Reject
          </Button>
        </div>
      </form>
    </section>
  );
}

function Decisions(props: { readonly facts: ApprovalFacts }): JSX.Element | null {
  const { decisions, needed } = props.facts;
  if (decisions.length === 0 && needed === 1) return null;
  return (
    <div>
      <p class="muted">
        {decisions.length} of {needed} approvals
      </p>
      <ul class="wait-decisions">
        {decisions.map((one) => (
          <li key={one.userId}>
            <span class="strong">{one.name}</span> {one.decision === 'approve' ? 'approved' : 'rejected'} <RelativeTime at={one.at} />
            {one.comment !== null && <span class="muted">: {one.comment}</span>}
          </li>
        ))}
      </ul>
    </div>
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
