/** The dialog that shuts a worker out: it takes no more jobs until it is let in again. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { Confirm } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { formatCount } from '../../ui/format.ts';
import { toast } from '../../ui/toast.tsx';
import type { JSX } from 'preact';
import type { ItemOf } from '../../api.ts';

export function ShutOutWorker(props: {
  readonly worker: ItemOf<'GET /api/v1/workers'>;
  readonly onDone: () => void;
  readonly onClose: () => void;
}): JSX.Element {
  const { id, host, running } = props.worker;
  const reason = useSignal('');
  const confirm = async (): Promise<void> => {
    await call('POST /api/v1/workers/{id}/deregister', { params: { id }, body: { reason: reason.value } });
    toast({ text: `The worker on ${host} takes no more jobs` });
    props.onDone();
  };
  return (
    <Confirm title={`Shut out the worker on ${host}?`} action="Shut out" danger onConfirm={confirm} onClose={props.onClose}>
      <div class="stack">
        <p>
          It takes no more jobs, also after it starts again, until you let it in.{' '}
          {running.length === 0 ? 'It runs nothing now.' : `What it runs goes on: ${formatCount(running.length, 'job')}.`}
        </p>
        <Field label="Reason" optional hint="The worker is told, and jobs that wait for it say so.">
          {(links) => <Input {...links} maxLength={300} value={reason.value} onInput={(value) => (reason.value = value)} />}
        </Field>
      </div>
    </Confirm>
  );
}
