/** A workflow as a page to share with people who only run it: its form, and the run that was started with its result. The run stands in the address. */
import { useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Json } from '../../../src/contract/endpoint.ts';
import type { Workflow } from '../../../src/contract/workflows.ts';
import { call } from '../../api.ts';
import { InputForm, inputState, inputValue } from '../../form/input-form.tsx';
import { setParams, useParam } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { dropKeptText, keepText, readKeptText } from '../../state/kept-text.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Card, Page } from '../../ui/page.tsx';
import { ErrorView, View } from '../../ui/views.tsx';
import { RunProgress } from './run-progress.tsx';

export function RunPage(props: { readonly params: Readonly<Record<string, string>> }): JSX.Element {
  const id = props.params['id'] ?? '';
  const workflow = useResource(async (signal) => await call('GET /api/v1/workflows/{id}', { params: { id }, signal }), [id]);
  return (
    <Page title={workflow.value?.name ?? 'Run'} actions={<CopyButton text={new URL(window.location.href).href} words="Copy the link" />}>
      <View of={workflow} what="the workflow">
        {(value) => <Shown key={value.id} workflow={value} />}
      </View>
    </Page>
  );
}

function Shown(props: { readonly workflow: Workflow }): JSX.Element {
  const { workflow } = props;
  const [runId] = useParam('run');
  // A new one when another input is put in.
  const [filled, setFilled] = useState<{ readonly turn: number; readonly input: unknown }>({ turn: 0, input: undefined });
  const show = (instanceId: string): void => setParams({ run: instanceId }, { push: true });
  return (
    <div class="run-page">
      {runId !== '' && <RunProgress key={runId} instanceId={runId} onRun={show} onChange={(input) => setFilled({ turn: filled.turn + 1, input })} />}
      <StartForm key={filled.turn} workflow={workflow} input={filled.input} isAside={runId !== ''} onStarted={show} />
    </div>
  );
}

interface StartFormProps {
  readonly workflow: Workflow;
  readonly input: unknown;
  readonly isAside: boolean;
  readonly onStarted: (instanceId: string) => void;
}

function StartForm(props: StartFormProps): JSX.Element {
  const { workflow } = props;
  const schema = workflow.definition.inputSchema;
  const name = `run.${workflow.id}`;
  const [state, setState] = useState(() => keptState(name, props.input) ?? inputState(schema, props.input ?? {}));
  const [tried, setTried] = useState(false);
  const result = useMemo(() => inputValue(schema, state), [schema, state]);
  const start = useAction(async () => {
    if (!('value' in result)) return;
    const made = await call('POST /api/v1/workflows/{id}/instances', { params: { id: workflow.id }, body: { input: result.value as Json } });
    dropKeptText(name);
    props.onStarted(made.id);
  });
  return (
    <Card title={props.isAside ? 'Another run' : 'Start'}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if ('value' in result) void start.run();
        }}
      >
        {workflow.description !== '' && <p>{workflow.description}</p>}
        {start.error !== undefined && <ErrorView compact title="It did not start" error={start.error} />}
        {schema === undefined ? (
          <p class="muted">It asks for nothing: just run it.</p>
        ) : (
          <InputForm
            schema={schema}
            state={state}
            onChange={(next) => {
              setState(next);
              keepText(name, next);
            }}
            showFaults={tried}
          />
        )}
        <div class="row">
          <Button kind="primary" type="submit" busy={start.busy}>
            Run
          </Button>
        </div>
      </form>
    </Card>
  );
}

/** What was typed before, unless an input was put in. */
function keptState(name: string, input: unknown): ReturnType<typeof inputState> | undefined {
  const kept = input === undefined ? readKeptText(name) : undefined;
  return typeof kept === 'object' && kept !== null && 'mode' in kept ? (kept as ReturnType<typeof inputState>) : undefined;
}
