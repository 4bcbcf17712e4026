/** The form of an approval: what is asked, what others decided, the fields, a comment, and the two answers. Half-typed text survives a reload. */
import { Check, X } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { ApprovalFacts } from '../../../src/contract/approvals.ts';
import type { Json } from '../../../src/contract/endpoint.ts';
import type { Instance } from '../../../src/contract/instances.ts';
import { InputForm, inputState, inputValue } from '../../form/input-form.tsx';
import type { InputState } from '../../form/input-form.tsx';
import { useAction } from '../../state/action.ts';
import { approvalKey } from '../../state/approval-events.ts';
import type { ApprovalPlace } from '../../state/approval-events.ts';
import { decide } from '../../state/approvals.ts';
import { dropKeptText, keepText, readKeptText } from '../../state/kept-text.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Textarea } from '../../ui/field.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { ErrorView } from '../../ui/views.tsx';

export interface DecisionFormProps {
  readonly place: ApprovalPlace;
  readonly facts: ApprovalFacts;
  readonly onDecided: (instance: Instance) => void;
}

interface Typed {
  readonly form: InputState;
  readonly comment: string;
}

function typedOf(name: string, schema: ApprovalFacts['form']): Typed {
  const kept = readKeptText(name);
  const isKept = typeof kept === 'object' && kept !== null && 'form' in kept && 'comment' in kept;
  return isKept ? (kept as Typed) : { form: inputState(schema, {}), comment: '' };
}

export function DecisionForm(props: DecisionFormProps): JSX.Element {
  const { place, facts } = props;
  const schema = facts.form;
  const name = `approval.${approvalKey(place)}`;
  const [typed, setTyped] = useState(() => typedOf(name, schema));
  const [tried, setTried] = useState(false);
  const change = (next: Typed): void => {
    setTyped(next);
    keepText(name, next);
  };
  const result = inputValue(schema, typed.form);
  const send = useAction(async (decision: 'approve' | 'reject') => {
    const form = schema !== undefined && 'value' in result ? (result.value as Json) : undefined;
    const instance = await decide(place, { decision, comment: typed.comment, form });
    dropKeptText(name);
    toast({ text: decision === 'approve' ? 'Approved' : 'Rejected' });
    props.onDecided(instance);
  });
  const approve = (event: Event): void => {
    event.preventDefault();
    setTried(true);
    if (schema === undefined || 'value' in result) void send.run('approve');
  };
  return (
    <section class="wait-card" aria-label="Approval">
      <form class="stack" onSubmit={approve}>
        <h3 class="wait-title">{facts.title}</h3>
        {facts.message !== undefined && <p class="wait-message">{facts.message}</p>}
        <Decisions facts={facts} />
        {send.error !== undefined && <ErrorView compact title="It was not taken" error={send.error} />}
        {schema !== undefined && <InputForm schema={schema} state={typed.form} onChange={(form) => change({ ...typed, form })} showFaults={tried} />}
        <Field label="Comment" optional>
          {(links) => <Textarea {...links} rows={2} value={typed.comment} onInput={(comment) => change({ ...typed, comment })} />}
        </Field>
        <div class="row row-wrap decision-buttons">
          <Button kind="primary" type="submit" icon={<Check size={14} />} busy={send.busy}>
            Approve
          </Button>
          <Button icon={<X size={14} />} busy={send.busy} onClick={() => void send.run('reject')}>
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
