/** Defining a service, or changing one: the fields that most need; the rest of a definition stays as it is (the API and files have them all). */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Checkbox, Field, Input, Select, Textarea } from '../../ui/field.tsx';
import { toast } from '../../ui/toast.tsx';
import { FormFault } from '../settings/card-form.tsx';
import { bodyOf, draftOf, newDraft } from './service-draft.ts';
import type { JSX } from 'preact';
import type { ServiceDefinition } from '../../../src/contract/services.ts';
import type { FieldLinks } from '../../ui/field.tsx';
import type { ServiceDraft } from './service-draft.ts';

export function ServiceForm(props: {
  readonly before?: ServiceDefinition;
  readonly onClose: () => void;
  readonly onSaved: (name: string) => void;
}): JSX.Element {
  const { before } = props;
  const draft = useSignal<ServiceDraft>(before === undefined ? newDraft : draftOf(before));
  const set = (change: Partial<ServiceDraft>): void => void (draft.value = { ...draft.value, ...change });
  const save = useAction(async () => {
    const body = bodyOf(draft.value, before);
    const { name, ...rest } = body;
    if (before === undefined) await call('POST /api/v1/services', { body });
    else await call('PUT /api/v1/services/{name}', { params: { name: before.name }, body: rest });
    toast({ text: before === undefined ? `${name} is defined` : `${name} is changed` });
    props.onSaved(name);
    props.onClose();
  });
  const { value } = draft;
  return (
    <Dialog
      title={before === undefined ? 'New service' : `Change ${before.name}`}
      size="large"
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form="service-form" busy={save.busy} disabled={value.name.trim() === '' || value.command.trim() === ''}>
            {before === undefined ? 'Define' : value.isEnabled ? 'Save and restart' : 'Save'}
          </Button>
        </>
      }
    >
      <form
        id="service-form"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
      >
        <FormFault error={save.error} fields={[]} />
        <div class="service-form-grid">
          {before === undefined && (
            <TextField
              label="Name"
              hint="a to z, 0 to 9 and “-”; it is part of the page’s address."
              value={value.name}
              onInput={(name) => set({ name })}
              mono
              autofocus
            />
          )}
          <TextField label="Title" optional value={value.title} onInput={(title) => set({ title })} />
        </div>
        <Field label="Command" hint="One argument a line, nothing quoted. {{port}} is the port to listen on, at 127.0.0.1; it is also in $PORT.">
          {(links) => <Textarea {...links} mono rows={5} placeholder={PLACEHOLDER} value={value.command} onInput={(command) => set({ command })} />}
        </Field>
        <Field label="Environment" optional hint="NAME=value, one a line. {{ secrets.NAME }} stands for a secret.">
          {(links) => <Textarea {...links} mono rows={3} value={value.env} onInput={(env) => set({ env })} />}
        </Field>
        <div class="service-form-grid">
          <Field label="Health check" hint="When it counts as running.">
            {(links) => <Select {...links} value={value.healthType} options={HEALTH} onChange={(healthType) => set({ healthType })} />}
          </Field>
          {value.healthType === 'http' && <TextField label="Path of the check" mono value={value.healthPath} onInput={(healthPath) => set({ healthPath })} />}
          <TextField label="Folder" optional hint="Absolute, or below the workspace." mono value={value.cwd} onInput={(cwd) => set({ cwd })} />
          <TextField label="Fixed port" optional hint="Only for a program that can’t be told." mono value={value.port} onInput={(port) => set({ port })} />
          <TextField label="After" optional hint="Services that must run first." mono value={value.after} onInput={(after) => set({ after })} />
          <TextField
            label="Rests after, minutes"
            optional
            hint="Stopped when nobody used it for so long; the next use starts it."
            value={value.idleMinutes}
            onInput={(idleMinutes) => set({ idleMinutes })}
          />
          <TextField label="GPUs" optional value={value.gpus} onInput={(gpus) => set({ gpus })} />
          <TextField
            label="GPU memory, GiB"
            optional
            hint="Of each; without whole GPUs a share of one."
            value={value.vramGib}
            onInput={(vramGib) => set({ vramGib })}
          />
        </div>
        <Checkbox label="It has a web page, which opens through Studio" checked={value.hasPage} onChange={(hasPage) => set({ hasPage })} />
        {value.hasPage && (
          <div class="service-form-grid">
            <Field label="Who may open it">
              {(links) => <Select {...links} value={value.pageRole} options={ROLES} onChange={(pageRole) => set({ pageRole })} />}
            </Field>
            <Field
              label="Isolation"
              hint={
                value.isolation === 'sandbox'
                  ? 'An origin of its own: its scripts can’t act for who looks at it. Storage lasts as long as the tab.'
                  : 'Shares Studio’s origin: its scripts can do here whatever their reader can.'
              }
            >
              {(links) => <Select {...links} value={value.isolation} options={ISOLATION} onChange={(isolation) => set({ isolation })} />}
            </Field>
          </div>
        )}
        <Checkbox label="Start it with Studio" checked={value.isEnabled} onChange={(isEnabled) => set({ isEnabled })} />
        <Checkbox label="Studio is not ready while it is down" checked={value.isRequired} onChange={(isRequired) => set({ isRequired })} />
        <p class="small muted">It runs as Studio itself, with everything Studio may do on this machine.</p>
      </form>
    </Dialog>
  );
}

const PLACEHOLDER = 'python\n/workspace/ComfyUI/main.py\n--port\n{{port}}';
const HEALTH = [
  { value: 'http', label: 'It answers over HTTP' },
  { value: 'tcp', label: 'It takes connections' },
  { value: 'none', label: 'None: it has started' },
] as const;
const ROLES = [
  { value: 'super_admin', label: 'Super administrators' },
  { value: 'admin', label: 'Administrators' },
  { value: 'user', label: 'Everybody signed in' },
] as const;
const ISOLATION = [
  { value: 'sandbox', label: 'Sandboxed' },
  { value: 'trusted', label: 'Trusted' },
] as const;

function TextField(props: {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly hint?: string;
  readonly optional?: boolean;
  readonly mono?: boolean;
  readonly autofocus?: boolean;
}): JSX.Element {
  const { label, hint, optional, ...input } = props;
  return (
    <Field label={label} hint={hint} optional={optional}>
      {(links: FieldLinks) => <Input {...links} {...input} />}
    </Field>
  );
}
