/** A step's output written by hand: the result of one that ended, or of one that waits. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Json } from '../../../src/contract/endpoint.ts';
import type { Instance, Step } from '../../../src/contract/instances.ts';
import { call } from '../../api.ts';
import { formatJson } from '../../form/json-format.ts';
import { parseJson } from '../../form/schema-fields.ts';
import { useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { AsCurl } from '../../ui/copy.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Textarea } from '../../ui/field.tsx';
import { toast } from '../../ui/toast.tsx';
import { ErrorView } from '../../ui/views.tsx';

export interface OutputDialogProps {
  readonly instanceId: string;
  readonly step: Step;
  readonly kind: 'result' | 'complete';
  readonly onDone: (instance: Instance) => void;
  readonly onClose: () => void;
}

export function OutputDialog(props: OutputDialogProps): JSX.Element {
  const { instanceId, step, kind } = props;
  const [text, setText] = useState(() => formatJson(step.output ?? {}));
  const parsed = parseJson(text);
  const send = useAction(async () => {
    if (!('value' in parsed)) return;
    const params = { id: instanceId, path: step.path };
    const output = parsed.value as Json;
    const reply =
      kind === 'result'
        ? await call('POST /api/v1/instances/{id}/steps/{path}/result', { params, body: { output } })
        : await call('POST /api/v1/instances/{id}/steps/{path}/complete', { params, body: { output } });
    toast({ text: reply.effect === 'isolated' ? 'Kept. The steps after it keep their results.' : 'Kept; the run goes on with it.' });
    props.onDone(reply.instance);
    props.onClose();
  });
  const actions = (
    <>
      {'value' in parsed && (
        <AsCurl method="POST" path={`api/v1/instances/${instanceId}/steps/${encodeURIComponent(step.path)}/${kind}`} body={{ output: parsed.value }} />
      )}
      <span class="grow" />
      <Button onClick={props.onClose}>Close</Button>
      <Button kind="primary" busy={send.busy} disabled={!('value' in parsed)} onClick={() => void send.run()}>
        {kind === 'result' ? 'Keep this result' : 'Complete the step'}
      </Button>
    </>
  );
  return (
    <Dialog title={kind === 'result' ? `Result of ${step.path}` : `Complete ${step.path}`} onClose={props.onClose} actions={actions}>
      <div class="stack">
        {send.error !== undefined && <ErrorView compact title="It was not taken" error={send.error} />}
        <p class="muted">
          {kind === 'result'
            ? 'What you write stands as a new generation of the step; the one before is kept among its attempts.'
            : 'The step ends at once with this output, whatever it waits for.'}
        </p>
        <Field label="Output (JSON)" fault={'fault' in parsed ? parsed.fault : undefined}>
          {(links) => <Textarea {...links} mono rows={12} value={text} onInput={setText} />}
        </Field>
      </div>
    </Dialog>
  );
}
