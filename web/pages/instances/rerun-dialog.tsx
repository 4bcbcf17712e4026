/** Starts a new instance from an old one: from the start or from a step, with edited input, on the same version or the newest. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Json } from '../../../src/contract/endpoint.ts';
import type { Instance } from '../../../src/contract/instances.ts';
import { call } from '../../api.ts';
import { InputForm, inputState, inputValue } from '../../form/input-form.tsx';
import { go } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { AsCurl } from '../../ui/copy.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Checkbox, Segmented } from '../../ui/field.tsx';
import { ErrorView, View } from '../../ui/views.tsx';

export interface RerunDialogProps {
  readonly instanceId: string;
  /** The step it goes on from; absent: from the start. */
  readonly from?: string | undefined;
  readonly onClose: () => void;
}

export function RerunDialog(props: RerunDialogProps): JSX.Element {
  const instance = useResource(async (signal) => await call('GET /api/v1/instances/{id}', { params: { id: props.instanceId }, signal }), [props.instanceId]);
  return (
    <View
      of={instance}
      what="the instance"
      skeleton={
        <Dialog title="Rerun" onClose={props.onClose}>
          Loading…
        </Dialog>
      }
    >
      {(value) => <RerunForm {...props} instance={value} />}
    </View>
  );
}

function RerunForm(props: RerunDialogProps & { readonly instance: Instance }): JSX.Element {
  const { instance } = props;
  const [version, setVersion] = useState<'same' | 'newest'>('same');
  const [edit, setEdit] = useState(false);
  const [tried, setTried] = useState(false);
  const [state, setState] = useState(() => inputState(undefined, instance.input));
  const result = inputValue(undefined, state);
  const body = { ...(props.from === undefined ? {} : { from: props.from }), version, ...(edit && 'value' in result ? { input: result.value as Json } : {}) };
  const start = useAction(async () => {
    const made = await call('POST /api/v1/instances/{id}/rerun', { params: { id: instance.id }, body });
    props.onClose();
    go(`/instances/${made.id}`);
  });
  const submit = (): void => {
    setTried(true);
    if (!edit || 'value' in result) void start.run();
  };
  const actions = (
    <>
      <AsCurl method="POST" path={`api/v1/instances/${instance.id}/rerun`} body={body} />
      <span class="grow" />
      <Button onClick={props.onClose}>Close</Button>
      <Button kind="primary" busy={start.busy} onClick={submit}>
        Rerun
      </Button>
    </>
  );
  return (
    <Dialog title={props.from === undefined ? `Rerun ${instance.workflowName}` : `Rerun from ${props.from}`} onClose={props.onClose} actions={actions}>
      <div class="stack">
        {start.error !== undefined && <ErrorView compact title="It did not start" error={start.error} />}
        <p class="muted">
          {props.from === undefined
            ? 'A new instance runs every step again.'
            : `A new instance reuses the results of the steps before ${props.from} and runs it and what follows.`}
        </p>
        <div class="row">
          <Segmented
            label="Version"
            value={version}
            options={[
              { value: 'same', label: `Version ${instance.version}` },
              { value: 'newest', label: 'Newest version' },
            ]}
            onChange={setVersion}
          />
        </div>
        <Checkbox label="Change the input" checked={edit} onChange={setEdit} />
        {edit && <InputForm schema={undefined} state={state} onChange={setState} showFaults={tried} />}
      </div>
    </Dialog>
  );
}
