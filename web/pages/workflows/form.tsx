/** The page of a form: the fields of a workflow's input, and a button that starts it. For members inside the UI, who see how the run goes and what
 *  comes out; for everybody by a public form's URL. */
import { useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Json } from '../../../src/contract/endpoint.ts';
import type { FormView } from '../../../src/contract/forms.ts';
import { call } from '../../api.ts';
import { InputForm, inputState, inputValue } from '../../form/input-form.tsx';
import { setParams, useParam } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Card, Page } from '../../ui/page.tsx';
import { ErrorView, View } from '../../ui/views.tsx';
import { RunProgress } from '../run/run-progress.tsx';

type Submit = (input: Record<string, Json>) => Promise<{ readonly instanceId: string }>;

export function FormPage(props: { readonly params: Readonly<Record<string, string>> }): JSX.Element {
  const params = { id: props.params['id'] ?? '', key: props.params['key'] ?? '' };
  const form = useResource(async (signal) => await call('GET /api/v1/workflows/{id}/forms/{key}', { params, signal }), [params.id, params.key]);
  const submit: Submit = async (input) => await call('POST /api/v1/workflows/{id}/forms/{key}', { params, body: { input } });
  // The run stands in the address: a reload, and who gets the link, see it again.
  const [runId] = useParam('run');
  const show = (instanceId: string): void => setParams({ run: instanceId }, { push: true });
  const [{ turn, input }, setFilled] = useState<{ readonly turn: number; readonly input: unknown }>({ turn: 0, input: {} });
  const change = (next: unknown): void => setFilled({ turn: turn + 1, input: next });
  return (
    <Page title={form.value?.title ?? 'Form'}>
      <View of={form} what="the form">
        {(view) => (
          <div class="run-page">
            {runId !== '' && <RunProgress key={runId} instanceId={runId} onRun={show} onChange={change} />}
            <FilledForm key={turn} view={view} submit={submit} input={input} onSent={show} />
          </div>
        )}
      </View>
    </Page>
  );
}

export function PublicFormPage(props: { readonly params: Readonly<Record<string, string>> }): JSX.Element {
  const params = { token: props.params['token'] ?? '' };
  const form = useResource(async (signal) => await call('GET /api/v1/forms/{token}', { params, signal }), [params.token]);
  const submit: Submit = async (input) => await call('POST /api/v1/forms/{token}', { params, body: { input } });
  return (
    <main id="main" tabIndex={-1}>
      <Page title={form.value?.title ?? 'Form'}>
        <View of={form} what="the form">
          {(view) => <FilledForm view={view} submit={submit} />}
        </View>
      </Page>
    </main>
  );
}

interface FilledFormProps {
  readonly view: FormView;
  readonly submit: Submit;
  /** What it is filled with at first. */
  readonly input?: unknown;
  /** Shows what was started; absent: who sent it may not look. */
  readonly onSent?: (instanceId: string) => void;
}

function FilledForm(props: FilledFormProps): JSX.Element {
  const { view } = props;
  const [state, setState] = useState(() => inputState(view.schema, props.input ?? {}));
  const [tried, setTried] = useState(false);
  const [isSent, setSent] = useState(false);
  const result = useMemo(() => inputValue(view.schema, state), [view.schema, state]);
  const send = useAction(async () => {
    if (!('value' in result)) return;
    const { instanceId } = await props.submit(result.value as Record<string, Json>);
    if (props.onSent === undefined) setSent(true);
    else props.onSent(instanceId);
  });
  if (isSent) {
    return (
      <Card title="Sent">
        <div class="stack">
          <p role="status">Thank you. What you sent is being worked on.</p>
          <div class="row">
            <Button
              onClick={() => {
                setSent(false);
                setTried(false);
                setState(inputState(view.schema, {}));
              }}
            >
              Send another
            </Button>
          </div>
        </div>
      </Card>
    );
  }
  return (
    <Card>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          void send.run();
        }}
      >
        {view.description !== '' && <p>{view.description}</p>}
        {send.error !== undefined && <ErrorView compact title="It was not sent" error={send.error} />}
        {view.schema !== undefined && <InputForm schema={view.schema} state={state} onChange={setState} showFaults={tried} />}
        <div class="row">
          <Button kind="primary" type="submit" busy={send.busy}>
            {view.submitLabel}
          </Button>
        </div>
      </form>
    </Card>
  );
}
