/** Submits a job: a script or a command, where it runs, what it needs, and how many of it. What the form has no field for, curl has. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { BodyOf } from '../../../src/contract/index.ts';
import type { CommandSpec } from '../../../src/contract/command.ts';
import type { Queue } from '../../../src/contract/queues.ts';
import { call } from '../../api.ts';
import { go } from '../../route.ts';
import { formFault, useAction } from '../../state/action.ts';
import { emptyJob, jobBody } from '../../state/job-form.ts';
import type { JobForm } from '../../state/job-form.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { AsCurl } from '../../ui/copy.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Checkbox, Field, Input, Segmented, Select, Textarea } from '../../ui/field.tsx';
import { ErrorView } from '../../ui/views.tsx';

export interface NewJobProps {
  readonly onClose: () => void;
  /** Of a job to be submitted again, as it was. */
  readonly spec?: CommandSpec | undefined;
  readonly name?: string | undefined;
}

const oneQueue = [{ name: 'studio' }] as const;

export function NewJob(props: NewJobProps): JSX.Element {
  const [form, setForm] = useState<JobForm>(() => emptyJob(props.spec, props.name));
  const [more, setMore] = useState(false);
  const queues = useResource(async (signal) => await call('GET /api/v1/queues', { query: { limit: 200 }, signal }), []);
  const parsed = jobBody(form);
  const set = (part: Partial<JobForm>): void => setForm({ ...form, ...part });
  const submit = useAction(async (body: BodyOf<'POST /api/v1/jobs'>) => {
    const made = await call('POST /api/v1/jobs', { body });
    props.onClose();
    go(made.groupId === undefined ? `/jobs/${made.job.id}` : `/jobs?filter=${encodeURIComponent(`group:${made.groupId}`)}`);
  });
  const send = (event: Event): void => {
    event.preventDefault();
    if ('body' in parsed) void submit.run(parsed.body);
  };
  const faultOf = (field: keyof JobForm): string | undefined => ('faults' in parsed ? parsed.faults[field] : undefined);
  const fault = formFault(submit.error, []);
  const actions = (
    <>
      {'body' in parsed && <AsCurl method="POST" path="api/v1/jobs" body={parsed.body} />}
      <span class="grow" />
      <Button onClick={props.onClose}>Close</Button>
      <Button kind="primary" type="submit" form="new-job" busy={submit.busy} disabled={'faults' in parsed}>
        Submit
      </Button>
    </>
  );
  return (
    <Dialog title="New job" size="large" onClose={props.onClose} actions={actions}>
      <form id="new-job" class="stack" onSubmit={send}>
        {fault !== undefined && submit.error !== undefined && <ErrorView compact title="It was not submitted" error={submit.error} />}
        <Field label="Name" optional>
          {(links) => <Input {...links} value={form.name} onInput={(name) => set({ name })} maxLength={200} autocomplete="off" autofocus />}
        </Field>
        <Segmented
          label="What runs"
          value={form.kind}
          options={[
            { value: 'script', label: 'A script' },
            { value: 'command', label: 'A program' },
          ]}
          onChange={(kind) => set({ kind })}
        />
        <Field
          label={form.kind === 'script' ? 'Script' : 'Program and arguments, one a line'}
          hint={form.kind === 'script' ? 'Read by /bin/sh. What it leaves in $STUDIO_ARTIFACTS is kept.' : 'Started as it is: no shell reads it.'}
          fault={form.text === '' ? undefined : faultOf('text')}
        >
          {(links) => <Textarea {...links} mono rows={8} value={form.text} onInput={(text) => set({ text })} />}
        </Field>
        <div class="row">
          <Field label="Queue">
            {(links) => (
              <Select
                {...links}
                value={form.queue}
                options={(queues.value?.items ?? (oneQueue as readonly Pick<Queue, 'name'>[])).map(({ name }) => ({ value: name, label: name }))}
                onChange={(queue) => set({ queue })}
              />
            )}
          </Field>
          <Field label="Priority">
            {(links) => (
              <Select
                {...links}
                value={form.priority}
                options={(['low', 'normal', 'high', 'critical'] as const).map((value) => ({ value, label: value }))}
                onChange={(priority) => set({ priority })}
              />
            )}
          </Field>
          <Field label="GPUs" fault={faultOf('gpus')}>
            {(links) => <Input {...links} type="number" min={0} max={64} value={form.gpus} onInput={(gpus) => set({ gpus })} />}
          </Field>
          <Field label="GPU memory, GiB" fault={faultOf('vram')}>
            {(links) => <Input {...links} type="number" min={0} value={form.vram} onInput={(vram) => set({ vram })} />}
          </Field>
        </div>
        <Checkbox label="More: files, environment, many at once, what it waits for" checked={more} onChange={setMore} />
        {more && <MoreFields form={form} set={set} faultOf={faultOf} />}
      </form>
    </Dialog>
  );
}

interface MoreProps {
  readonly form: JobForm;
  readonly set: (part: Partial<JobForm>) => void;
  readonly faultOf: (field: keyof JobForm) => string | undefined;
}

function MoreFields({ form, set, faultOf }: MoreProps): JSX.Element {
  return (
    <>
      <Field label="Files" optional hint="One a line: name in the working folder = path under Files" fault={faultOf('files')}>
        {(links) => <Textarea {...links} mono rows={2} value={form.files} placeholder="train.py = code/train.py" onInput={(files) => set({ files })} />}
      </Field>
      <Field label="Environment" optional hint="One a line: NAME=value; a secret as {{ secrets.NAME }}" fault={faultOf('env')}>
        {(links) => <Textarea {...links} mono rows={2} value={form.env} onInput={(env) => set({ env })} />}
      </Field>
      <Field label="Python requirements" optional hint="The text of a requirements or lock file: it runs in a virtual environment that holds them.">
        {(links) => (
          <Textarea {...links} mono rows={2} value={form.requirements} placeholder="torch==2.9.1" onInput={(requirements) => set({ requirements })} />
        )}
      </Field>
      <Field
        label="Matrix"
        optional
        hint="One a line: name = values with commas between; one job for each combination, $STUDIO_MATRIX_name in each."
        fault={faultOf('matrix')}
      >
        {(links) => <Textarea {...links} mono rows={2} value={form.matrix} placeholder="lr = 0.1, 0.01" onInput={(matrix) => set({ matrix })} />}
      </Field>
      <div class="row">
        <Field label="Copies" fault={faultOf('array')}>
          {(links) => <Input {...links} type="number" min={1} max={10_000} value={form.array} onInput={(array) => set({ array })} />}
        </Field>
        <Field label="Attempts" fault={faultOf('attempts')}>
          {(links) => <Input {...links} type="number" min={1} max={100} value={form.attempts} onInput={(attempts) => set({ attempts })} />}
        </Field>
        <Field label="Limit, minutes" fault={faultOf('minutes')}>
          {(links) => <Input {...links} type="number" min={1} value={form.minutes} onInput={(minutes) => set({ minutes })} />}
        </Field>
      </div>
      <Field label="Runs after" optional hint="Ids of jobs or groups, with spaces between: it starts when all have completed." fault={faultOf('after')}>
        {(links) => <Input {...links} mono value={form.after} onInput={(after) => set({ after })} />}
      </Field>
      <Checkbox
        label="It may be interrupted for something more important, and goes on later from $STUDIO_CHECKPOINT"
        checked={form.preemptible}
        onChange={(preemptible) => set({ preemptible })}
      />
    </>
  );
}
