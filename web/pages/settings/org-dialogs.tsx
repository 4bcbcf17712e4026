/** Dialogs about whole organisations: a new one, another name, one from a file. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { importOrg } from '../../state/orgs.ts';
import type { OrgWork } from '../../state/org-work-words.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { PickFiles } from '../../ui/drop-zone.tsx';
import { Field, Input, Segmented } from '../../ui/field.tsx';
import { formatBytes, formatCount } from '../../ui/format.ts';
import { Progress } from '../../ui/meter.tsx';
import { Banner } from '../../ui/views.tsx';
import { FormFault } from './card-form.tsx';
import { OrgProgress } from './org-progress.tsx';
import { TemporaryPassword } from './temporary-password.tsx';
import type { JSX } from 'preact';
import type { ImportReport } from '../../../src/contract/orgs.ts';

interface DialogProps {
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function CreateOrg(props: DialogProps): JSX.Element {
  const name = useSignal('');
  const whose = useSignal<'mine' | 'theirs'>('mine');
  const person = useSignal('');
  const email = useSignal('');
  const password = useSignal<string | undefined>(undefined);
  const isReady = name.value.trim() !== '' && (whose.value === 'mine' || (person.value.trim() !== '' && email.value !== ''));
  const create = useAction(async () => {
    const admin = whose.value === 'mine' ? {} : { admin: { name: person.value, email: email.value } };
    const made = await call('POST /api/v1/orgs', { body: { name: name.value, ...admin } });
    props.onDone();
    if (made.temporaryPassword === null) props.onClose();
    else password.value = made.temporaryPassword;
  });
  if (password.value !== undefined)
    return <TemporaryPassword title={`${name.value} is there`} email={email.value} password={password.value} onClose={props.onClose} />;
  return (
    <Dialog
      title="New organisation"
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form="new-org" busy={create.busy} disabled={!isReady}>
            Create
          </Button>
        </>
      }
    >
      <form
        id="new-org"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void create.run();
        }}
      >
        <FormFault error={create.error} fields={['name', 'admin.name', 'admin.email']} />
        <Field label="Name" fault={faultOf(create.error, 'name')}>
          {(links) => <Input {...links} required autofocus maxLength={120} value={name.value} onInput={(value) => (name.value = value)} />}
        </Field>
        <Segmented
          label="Its first administrator"
          value={whose.value}
          options={[
            { value: 'mine', label: 'Me' },
            { value: 'theirs', label: 'Somebody new' },
          ]}
          onChange={(value) => (whose.value = value)}
        />
        {whose.value === 'theirs' && (
          <>
            <Field label="Administrator’s name" fault={faultOf(create.error, 'admin.name')}>
              {(links) => <Input {...links} required value={person.value} onInput={(value) => (person.value = value)} />}
            </Field>
            <Field label="E-mail" hint="Nothing is sent; it is the name for logging in." fault={faultOf(create.error, 'admin.email')}>
              {(links) => <Input {...links} type="email" required value={email.value} onInput={(value) => (email.value = value)} />}
            </Field>
          </>
        )}
      </form>
    </Dialog>
  );
}

export function RenameOrg(props: DialogProps & { readonly one: { readonly id: string; readonly name: string } }): JSX.Element {
  const { one } = props;
  const name = useSignal(one.name);
  const rename = useAction(async () => {
    await call('PATCH /api/v1/orgs/{id}', { params: { id: one.id }, body: { name: name.value } });
    props.onDone();
    props.onClose();
  });
  return (
    <Dialog
      title={`Rename ${one.name}`}
      size="small"
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form="rename-org" busy={rename.busy} disabled={name.value.trim() === '' || name.value === one.name}>
            Rename
          </Button>
        </>
      }
    >
      <form
        id="rename-org"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void rename.run();
        }}
      >
        <FormFault error={rename.error} fields={['name']} />
        <Field label="Name" fault={faultOf(rename.error, 'name')}>
          {(links) => <Input {...links} required autofocus maxLength={120} value={name.value} onInput={(value) => (name.value = value)} />}
        </Field>
      </form>
    </Dialog>
  );
}

export function ImportOrg(props: DialogProps & { readonly work: OrgWork | undefined }): JSX.Element {
  const file = useSignal<File | undefined>(undefined);
  const passphrase = useSignal('');
  const sent = useSignal(0);
  const report = useSignal<ImportReport | undefined>(undefined);
  const stop = useSignal<AbortController | undefined>(undefined);
  const send = useAction(async (isDryRun: boolean) => {
    if (file.value === undefined) return;
    sent.value = 0;
    stop.value = new AbortController();
    const options = { file: file.value, passphrase: passphrase.value, isDryRun, signal: stop.value.signal };
    report.value = await importOrg({ ...options, onProgress: (bytes) => (sent.value = bytes) });
    if (!isDryRun) props.onDone();
  });
  const close = (): void => {
    stop.value?.abort();
    props.onClose();
  };
  const isDone = report.value?.isDryRun === false;
  const share = file.value === undefined || file.value.size === 0 ? 0 : sent.value / file.value.size;
  return (
    <Dialog
      title="Import an organisation"
      onClose={close}
      actions={
        isDone ? (
          <Button kind="primary" onClick={props.onClose}>
            Done
          </Button>
        ) : (
          <>
            <Button onClick={close}>Cancel</Button>
            <Button disabled={file.value === undefined || send.busy} onClick={() => void send.run(true)}>
              Look at it
            </Button>
            <Button kind="primary" busy={send.busy} disabled={file.value === undefined} onClick={() => void send.run(false)}>
              Import
            </Button>
          </>
        )
      }
    >
      <div class="stack">
        <FormFault error={send.error} fields={[]} />
        {!isDone && (
          <>
            <p class="muted">
              A file that another Studio exported. It becomes an organisation of its own; its triggers come switched off, its people without passwords.
            </p>
            <div class="row">
              <PickFiles multiple={false} onFiles={([picked]) => (file.value = picked)}>
                {file.value === undefined ? 'Choose the file…' : 'Choose another…'}
              </PickFiles>
              {file.value !== undefined && (
                <span class="truncate">
                  {file.value.name} <span class="faint">{formatBytes(file.value.size)}</span>
                </span>
              )}
            </div>
            <Field label="Passphrase" optional hint="Opens the secrets and credentials in it; without it they are left out.">
              {(links) => <Input {...links} type="password" autocomplete="off" value={passphrase.value} onInput={(value) => (passphrase.value = value)} />}
            </Field>
          </>
        )}
        {send.busy && (
          <div class="stack">
            <Progress label="Sending the file" value={share < 1 ? share : undefined} />
            <p class="muted small">{share < 1 ? `Sending: ${Math.floor(share * 100)} %` : 'Sent. Studio looks it through and writes it.'}</p>
            <OrgProgress work={props.work} />
          </div>
        )}
        {report.value !== undefined && !send.busy && <Report report={report.value} />}
      </div>
    </Dialog>
  );
}

function Report({ report }: { readonly report: ImportReport }): JSX.Element {
  const rows = report.tables.reduce((total, table) => total + table.rows, 0);
  return (
    <div class="stack">
      <Banner tone="note">
        {report.isDryRun ? `Nothing was changed yet. ${report.org.name} would bring` : `${report.org.name} is imported:`} {formatCount(rows, 'row')} and{' '}
        {formatCount(report.content.files, 'file')} ({formatBytes(report.content.bytes)}).
      </Banner>
      {report.mapped !== null && <p class="small">{report.mapped}</p>}
      {report.notes.length > 0 && (
        <ul class="small muted">
          {report.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
