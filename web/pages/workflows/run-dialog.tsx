/** Starts a workflow: input by form or JSON, labels, and the same as a curl line. Ends on the page of the new instance. */
import { useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Json } from '../../../src/contract/endpoint.ts';
import { call } from '../../api.ts';
import { InputForm, inputState, inputValue } from '../../form/input-form.tsx';
import { go, href } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { AsCurl } from '../../ui/copy.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input, Switch } from '../../ui/field.tsx';
import { ErrorView, View } from '../../ui/views.tsx';

export interface RunDialogProps {
  readonly workflowId: string;
  readonly name: string;
  readonly onClose: () => void;
}

export function RunDialog(props: RunDialogProps): JSX.Element {
  const workflow = useResource(async (signal) => await call('GET /api/v1/workflows/{id}', { params: { id: props.workflowId }, signal }), [props.workflowId]);
  return (
    <View
      of={workflow}
      what="the workflow"
      skeleton={
        <Dialog title={`Run ${props.name}`} onClose={props.onClose}>
          Loading…
        </Dialog>
      }
    >
      {(value) => <RunForm {...props} schema={value.definition.inputSchema} />}
    </View>
  );
}

function RunForm(props: RunDialogProps & { readonly schema: Readonly<Record<string, unknown>> | undefined }): JSX.Element {
  const [state, setState] = useState(() => inputState(props.schema, {}));
  const [labelText, setLabelText] = useState('');
  const [tried, setTried] = useState(false);
  const [debug, setDebug] = useState(false);
  const result = useMemo(() => inputValue(props.schema, state), [props.schema, state]);
  const labels = labelsOf(labelText);
  const body = {
    ...('value' in result ? { input: result.value as Json } : {}),
    ...(debug ? { debug } : {}),
    ...(labels === undefined || Object.keys(labels).length === 0 ? {} : { labels }),
  };
  const start = useAction(async () => {
    const instance = await call('POST /api/v1/workflows/{id}/instances', { params: { id: props.workflowId }, body });
    props.onClose();
    go(`/instances/${instance.id}`);
  });
  const submit = (event: Event): void => {
    event.preventDefault();
    setTried(true);
    if ('value' in result && labels !== undefined) void start.run();
  };
  const actions = (
    <>
      <AsCurl method="POST" path={`api/v1/workflows/${props.workflowId}/instances`} body={body} />
      <span class="grow" />
      <Button onClick={props.onClose}>Close</Button>
      <Button kind="primary" type="submit" form="run-form" busy={start.busy}>
        Run
      </Button>
    </>
  );
  return (
    <Dialog title={`Run ${props.name}`} onClose={props.onClose} actions={actions}>
      <form id="run-form" class="stack" onSubmit={submit}>
        {start.error !== undefined && <ErrorView compact title="It did not start" error={start.error} />}
        <InputForm schema={props.schema} state={state} onChange={setState} showFaults={tried} />
        <Field
          label="Labels"
          optional
          hint="key:value, separated by spaces. Lists can be filtered by them."
          fault={labels === undefined ? 'A label is key:value; the key has 1 to 64 characters.' : undefined}
        >
          {(links) => <Input {...links} mono value={labelText} onInput={setLabelText} placeholder="team:blue" autocomplete="off" />}
        </Field>
        <Switch label="Pause before each step" checked={debug} onChange={setDebug} />
        <p class="muted small">
          For people who only run it there is <a href={href(`/run/${props.workflowId}`)}>a page to share</a>: this form, and what comes out.
        </p>
      </form>
    </Dialog>
  );
}

/** `a:b c:d` as labels; undefined when a part has no colon. */
function labelsOf(text: string): Record<string, string> | undefined {
  const parts = text.split(/\s+/).filter((part) => part !== '');
  if (parts.some((part) => part.indexOf(':') < 1 || part.indexOf(':') > 64)) return undefined;
  return Object.fromEntries(parts.map((part) => [part.slice(0, part.indexOf(':')), part.slice(part.indexOf(':') + 1)]));
}
