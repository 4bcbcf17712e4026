/** The page of a form: the fields of a workflow's input, and a button that starts it. For members inside the UI, for everybody by a public form's URL. */
import { useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Json } from '../../../src/contract/endpoint.ts';
import type { FormView } from '../../../src/contract/forms.ts';
import { call } from '../../api.ts';
import { InputForm, inputState, inputValue } from '../../form/input-form.tsx';
import { href } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { Card, Page } from '../../ui/page.tsx';
import { ErrorView, View } from '../../ui/views.tsx';

type Submit = (input: Record<string, Json>) => Promise<{ readonly instanceId: string }>;

export function FormPage(props: { readonly params: Readonly<Record<string, string>> }): JSX.Element {
  const params = { id: props.params['id'] ?? '', key: props.params['key'] ?? '' };
  const form = useResource(async (signal) => await call('GET /api/v1/workflows/{id}/forms/{key}', { params, signal }), [params.id, params.key]);
  const submit: Submit = async (input) => await call('POST /api/v1/workflows/{id}/forms/{key}', { params, body: { input } });
  return (
    <Page title={form.value?.title ?? 'Form'}>
      <View of={form} what="the form">
        {(view) => <FilledForm view={view} submit={submit} linkTo={(id) => href(`/instances/${id}`)} />}
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

function FilledForm(props: { readonly view: FormView; readonly submit: Submit; readonly linkTo?: (instanceId: string) => string }): JSX.Element {
  const { view } = props;
  const [state, setState] = useState(() => inputState(view.schema, {}));
  const [tried, setTried] = useState(false);
  const [started, setStarted] = useState<string>();
  const result = useMemo(() => inputValue(view.schema, state), [view.schema, state]);
  const send = useAction(async () => {
    if (!('value' in result)) return;
    const { instanceId } = await props.submit(result.value as Record<string, Json>);
    setStarted(instanceId);
  });
  if (started !== undefined) {
    return (
      <Card title="Sent">
        <div class="stack">
          <p role="status">Thank you. What you sent is being worked on.</p>
          <div class="row">
            {props.linkTo !== undefined && <ButtonLink href={props.linkTo(started)}>See how it goes</ButtonLink>}
            <Button
              onClick={() => {
                setStarted(undefined);
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
