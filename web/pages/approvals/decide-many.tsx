/** One answer for several approvals, with one comment. Those whose form has to be filled in are named and left. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Approval } from '../../../src/contract/approvals.ts';
import type { Json } from '../../../src/contract/endpoint.ts';
import { inputState, inputValue } from '../../form/input-form.tsx';
import { decide } from '../../state/approvals.ts';
import { Confirm } from '../../ui/dialog.tsx';
import { Field, Textarea } from '../../ui/field.tsx';
import { formatCount } from '../../ui/format.ts';
import { toast } from '../../ui/toast.tsx';
import { runOnAll } from '../instances/actions.ts';

export interface DecideManyProps {
  readonly items: readonly Approval[];
  readonly decision: 'approve' | 'reject';
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function DecideMany(props: DecideManyProps): JSX.Element {
  const { items, decision } = props;
  const [comment, setComment] = useState('');
  const ready = decision === 'reject' ? items : items.filter((item) => answerOf(item) !== undefined);
  const left = items.length - ready.length;
  const word = decision === 'approve' ? 'Approve' : 'Reject';
  const send = async (): Promise<void> => {
    const { done, fault } = await runOnAll(ready, async (item) => await decide(item, { decision, comment, form: answerOf(item)?.form }));
    props.onDone();
    if (fault !== undefined) throw new Error(`${done} of ${ready.length} were taken. ${fault.message}`);
    toast({ text: `${formatCount(done, 'approval')} ${decision === 'approve' ? 'given' : 'refused'}` });
  };
  return (
    <Confirm title={`${word} ${formatCount(ready.length, 'request')}?`} action={word} danger={decision === 'reject'} onConfirm={send} onClose={props.onClose}>
      <ul class="decide-list">
        {ready.slice(0, 8).map((item) => (
          <li key={`${item.instanceId}/${item.path}`} class="truncate">
            {item.title}
          </li>
        ))}
        {ready.length > 8 && <li>and {ready.length - 8} more</li>}
      </ul>
      {left > 0 && <p>{formatCount(left, 'request')} with a form to fill in stay: open each of them.</p>}
      <Field label="Comment for all" optional>
        {(links) => <Textarea {...links} rows={2} value={comment} onInput={setComment} />}
      </Field>
    </Confirm>
  );
}

/** What the form of an approval holds when nobody fills it in; undefined when that will not do. */
function answerOf(item: Approval): { readonly form?: Json } | undefined {
  if (item.form === undefined) return {};
  const result = inputValue(item.form, inputState(item.form, {}));
  return 'value' in result ? { form: result.value as Json } : undefined;
}
