/** Registers a model that is not downloaded: a provider elsewhere, a file that is here, or a server that Studio starts. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Checkbox, Field, Input, Segmented, Select, Textarea } from '../../ui/field.tsx';
import { toast } from '../../ui/toast.tsx';
import { ErrorView } from '../../ui/views.tsx';
import { bodyOf, newDraft } from './register-draft.ts';
import type { JSX } from 'preact';
import type { RegisterDraft } from './register-draft.ts';

const KINDS = [
  { value: 'remote', label: 'Elsewhere' },
  { value: 'llama', label: 'A GGUF file here' },
  { value: 'service', label: 'A server here' },
] as const;

const PROVIDERS = [
  { value: 'openai', label: 'OpenAI and what speaks like it' },
  { value: 'anthropic', label: 'Anthropic' },
  { value: 'gemini', label: 'Gemini' },
] as const;

type Setter = (change: Partial<RegisterDraft>) => void;

export function RegisterForm(props: { readonly onClose: () => void; readonly onSaved: (id: string) => void }): JSX.Element {
  const draft = useSignal<RegisterDraft>(newDraft);
  const set: Setter = (change) => void (draft.value = { ...draft.value, ...change });
  const save = useAction(async () => {
    const made = await call('POST /api/v1/models', { body: bodyOf(draft.value), timeoutMs: 120_000 });
    toast({ text: `${made.name} is registered` });
    props.onSaved(made.id);
    props.onClose();
  });
  const { value } = draft;
  return (
    <Dialog
      title="Register a model"
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form="register-form" busy={save.busy} disabled={value.name.trim() === ''}>
            Register
          </Button>
        </>
      }
    >
      <form
        id="register-form"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
      >
        {save.error !== undefined && <ErrorView compact title="It was not registered" error={save.error} />}
        <Segmented label="Where it runs" value={value.engine} options={KINDS} onChange={(engine) => set({ engine })} />
        <Field label="Name" hint="What /v1 and workflows call it.">
          {(links) => <Input {...links} mono autofocus required value={value.name} onInput={(name) => set({ name })} />}
        </Field>
        {value.engine === 'remote' && <RemoteFields value={value} set={set} />}
        {value.engine !== 'remote' && (
          <Field
            label="File"
            optional={value.engine === 'service'}
            hint={value.isUploaded ? 'Its path under Files.' : 'Its path below the models folder of the workspace.'}
          >
            {(links) => <Input {...links} mono value={value.path} onInput={(path) => set({ path })} />}
          </Field>
        )}
        {value.engine !== 'remote' && <Checkbox label="It was uploaded to Files" checked={value.isUploaded} onChange={(isUploaded) => set({ isUploaded })} />}
        {value.engine === 'service' && (
          <Field label="Command" hint="One argument a line. {port}, {model} and {name} stand for what they say.">
            {(links) => <Textarea {...links} mono rows={5} value={value.command} onInput={(command) => set({ command })} />}
          </Field>
        )}
        <Checkbox label="For this organisation alone" checked={value.isOwn} onChange={(isOwn) => set({ isOwn })} />
      </form>
    </Dialog>
  );
}

function RemoteFields({ value, set }: { readonly value: RegisterDraft; readonly set: Setter }): JSX.Element {
  return (
    <>
      <Field label="Speaks like">{(links) => <Select {...links} value={value.kind} options={PROVIDERS} onChange={(kind) => set({ kind })} />}</Field>
      <Field label="Address" optional hint="Default: the provider’s own. Of a server of yours: http://host:port/v1.">
        {(links) => <Input {...links} type="url" mono value={value.baseUrl} onInput={(baseUrl) => set({ baseUrl })} />}
      </Field>
      <Field label="Its model" hint="What the provider calls it.">
        {(links) => <Input {...links} mono required value={value.model} onInput={(model) => set({ model })} />}
      </Field>
      <Field label="Secret with the key" optional hint="The name of a secret under Settings.">
        {(links) => <Input {...links} mono value={value.secret} onInput={(secret) => set({ secret })} />}
      </Field>
    </>
  );
}
