/** Makes a workflow: a name, and what it starts from. Lands in its editor. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Definition } from '../../../src/contract/graph.ts';
import { call } from '../../api.ts';
import { parseJson } from '../../form/schema-fields.ts';
import { go } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input, Segmented, Textarea } from '../../ui/field.tsx';
import { ErrorView, View } from '../../ui/views.tsx';
import { ExampleList } from './example-list.tsx';

const start: Definition = {
  nodes: [
    { key: 'start', type: 'set', name: 'Start', params: { values: { name: '{{ input.name }}' } } },
    { key: 'greet', type: 'template', name: 'Greet', params: { text: 'Hello, {{ steps.start.output.name }}.' } },
  ],
  edges: [{ from: 'start', to: 'greet' }],
  inputSchema: { type: 'object', properties: { name: { type: 'string', title: 'Name', default: 'world' } } },
};

export function NewWorkflow(props: { readonly onClose: () => void }): JSX.Element {
  const [name, setName] = useState('');
  const [from, setFrom] = useState<'start' | 'example' | 'json'>('start');
  const [json, setJson] = useState('');
  const [fault, setFault] = useState<string>();
  const [chosen, setChosen] = useState('');
  const examples = useResource(async (signal) => await call('GET /api/v1/examples', { query: { limit: 200 }, signal }), []);
  const create = useAction(async (definition: Definition) => {
    const workflow = await call('POST /api/v1/workflows', { body: { name: name.trim(), ...definition } });
    props.onClose();
    go(`/workflows/${workflow.id}?tab=editor`);
  });
  const createFrom = useAction(async () => {
    const example = await call('GET /api/v1/examples/{id}', { params: { id: chosen } });
    await create.run(example.definition);
  });
  const submit = (event: Event): void => {
    event.preventDefault();
    if (from === 'start') return void create.run(start);
    if (from === 'example') return void createFrom.run();
    const parsed = parseJson(json);
    if ('fault' in parsed) return setFault(parsed.fault);
    setFault(undefined);
    void create.run(parsed.value as Definition);
  };
  const error = create.error ?? createFrom.error;
  const actions = (
    <>
      <Button onClick={props.onClose}>Close</Button>
      <Button
        kind="primary"
        type="submit"
        form="new-workflow"
        busy={create.busy || createFrom.busy}
        disabled={name.trim() === '' || (from === 'example' && chosen === '')}
      >
        Create
      </Button>
    </>
  );
  return (
    <Dialog title="New workflow" onClose={props.onClose} actions={actions}>
      <form id="new-workflow" class="stack" onSubmit={submit}>
        {error !== undefined && <ErrorView compact title="It was not created" error={error} />}
        <Field label="Name">{(links) => <Input {...links} value={name} onInput={setName} maxLength={200} autocomplete="off" autofocus required />}</Field>
        <div class="row">
          <Segmented
            label="Start from"
            value={from}
            options={[
              { value: 'start', label: 'A small start' },
              { value: 'example', label: 'An example' },
              { value: 'json', label: 'Pasted JSON' },
            ]}
            onChange={setFrom}
          />
        </div>
        {from === 'example' && (
          <View of={examples} what="the examples">
            {(page) => (
              <ExampleList
                examples={page.items}
                chosen={chosen}
                onChoose={(example) => {
                  setChosen(example.id);
                  // A name of one's own is kept.
                  if (name.trim() === '' || page.items.some((one) => one.title === name)) setName(example.title);
                }}
              />
            )}
          </View>
        )}
        {from === 'json' && (
          <Field label="Definition" fault={fault} hint="An object with nodes and edges, as the editor shows it.">
            {(links) => <Textarea {...links} mono rows={10} value={json} onInput={setJson} placeholder='{ "nodes": […], "edges": […] }' />}
          </Field>
        )}
      </form>
    </Dialog>
  );
}
