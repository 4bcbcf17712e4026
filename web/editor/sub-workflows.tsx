/** Turning a selection into a workflow of its own that is called in its place, and a call back into steps. The operations say how; this asks and calls the API. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { call } from '../api.ts';
import { useAction } from '../state/action.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field, Input } from '../ui/field.tsx';
import type { MenuItem } from '../ui/menu.tsx';
import { toast, toastError } from '../ui/toast.tsx';
import { ErrorView } from '../ui/views.tsx';
import { inlineCall, whyNotInline } from './operations/inline-call.ts';
import { extractSelection } from './operations/sub-workflow.ts';
import type { EditorSession } from './session.ts';

/** What the menu offers for the selection. */
export function subWorkflowItems(session: EditorSession, onExtract: () => void): readonly MenuItem[] {
  const { document } = session;
  const isLocked = document.locked.value !== undefined;
  const chosen = document.graph.value.nodes.filter((node) => document.selection.value.nodes.has(node.key));
  const [only, ...others] = chosen;
  const isCall = only?.type === 'workflow.call' && others.length === 0;
  return [
    { label: 'Turn the selection into a workflow…', onSelect: onExtract, disabled: isLocked || chosen.length === 0, separated: true },
    { label: 'Put the called steps here', onSelect: () => void openCall(session, only?.key ?? ''), disabled: isLocked || !isCall },
  ];
}

export function ExtractDialog(props: { readonly session: EditorSession; readonly onClose: () => void }): JSX.Element {
  const { document } = props.session;
  const [name, setName] = useState(`${document.about.peek().name}, part`);
  const plan = extractSelection(document.graph.value, document.selection.value.nodes, document.keys.value);
  const make = useAction(async () => {
    if ('fault' in plan) return;
    const made = await call('POST /api/v1/workflows', { body: { name: name.trim(), ...plan.definition } });
    document.change(`Turn into ${made.name}`, () => plan.replace(made.id), { select: 'added' });
    toast({ text: `${made.name} is published, and called here. Undo brings the steps back; the workflow stays.` });
    props.onClose();
  });
  const actions = (
    <>
      <Button onClick={props.onClose}>Close</Button>
      <Button kind="primary" type="submit" form="extract" busy={make.busy} disabled={'fault' in plan || name.trim() === ''}>
        Make it
      </Button>
    </>
  );
  return (
    <Dialog title="Turn the selection into a workflow" onClose={props.onClose} actions={actions}>
      <form
        id="extract"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void make.run();
        }}
      >
        {'fault' in plan && <ErrorView compact title="This selection can’t be called" error={{ code: 'selection', message: plan.fault }} />}
        {make.error !== undefined && <ErrorView compact title="It was not made" error={make.error} />}
        <Field label="Name" hint="A workflow of its own with its own versions. What the steps read from here becomes its input.">
          {(links) => <Input {...links} value={name} maxLength={200} autocomplete="off" autofocus onInput={setName} />}
        </Field>
        {'definition' in plan && <Inputs names={Object.keys((plan.definition.inputSchema?.['properties'] ?? {}) as object)} />}
      </form>
    </Dialog>
  );
}

function Inputs(props: { readonly names: readonly string[] }): JSX.Element {
  return <p class="muted">{props.names.length === 0 ? 'It needs no input.' : `Its input: ${props.names.join(', ')}.`}</p>;
}

async function openCall(session: EditorSession, key: string): Promise<void> {
  const { document } = session;
  const params = document.graph.peek().nodes.find((node) => node.key === key)?.params;
  const id = params?.['workflowId'];
  if (typeof id !== 'string' || id === '' || id.includes('{{')) {
    toast({ tone: 'failed', text: 'Which workflow is called is known when it runs; only a fixed one can be opened here.' });
    return;
  }
  try {
    const version = params?.['version'];
    const { definition } =
      typeof version === 'number'
        ? await call('GET /api/v1/workflows/{id}/versions/{n}', { params: { id, n: version } })
        : await call('GET /api/v1/workflows/{id}', { params: { id } });
    const why = whyNotInline(document.graph.peek(), key, definition);
    if (why !== undefined) toast({ tone: 'failed', text: why });
    else document.change('Put the called steps here', (graph) => inlineCall(graph, key, definition, document.keys.peek()), { select: 'added' });
  } catch (error) {
    toastError('Read the called workflow', error);
  }
}
