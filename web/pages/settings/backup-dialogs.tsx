/** The dialogs of backups: making one, proving one, and how to restore one. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { kindHint, kindWords, restoreCommand } from '../../state/backup-words.ts';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Checkbox, Field, Input, Select } from '../../ui/field.tsx';
import { CodeBlock } from '../../ui/log-view.tsx';
import { toast } from '../../ui/toast.tsx';
import { FormFault } from './card-form.tsx';
import type { JSX } from 'preact';
import type { Backup, BackupList } from '../../../src/contract/backups.ts';

interface Begins {
  readonly onClose: () => void;
  readonly onBegun: () => void;
}

export function BackUpDialog({ list, onClose, onBegun }: Begins & { readonly list: Pick<BackupList, 'place' | 'canBePhysical'> }): JSX.Element {
  const { place, canBePhysical } = list;
  const kind = useSignal<Backup['kind']>('logical');
  const passphrase = useSignal('');
  const verify = useSignal(true);
  const begin = useAction(async () => {
    await call('POST /api/v1/backups', {
      body: { kind: kind.value, verify: verify.value, ...(passphrase.value === '' ? {} : { passphrase: passphrase.value }) },
    });
    onBegun();
  });
  const without = place.hasPassphrase
    ? 'Empty: the one in BACKUP_PASSPHRASE.'
    : 'Empty: the backup is not sealed, and the keys that open stored secrets are left out of it.';
  return (
    <Dialog title="Back up now" onClose={onClose} actions={<FormActions form="back-up" action="Back up" busy={begin.busy} onClose={onClose} />}>
      <form id="back-up" class="stack" onSubmit={(event) => (event.preventDefault(), void begin.run())}>
        <FormFault error={begin.error} fields={['kind', 'passphrase']} />
        <KindField value={kind.value} canBePhysical={canBePhysical} fault={faultOf(begin.error, 'kind')} onChange={(value) => (kind.value = value)} />
        <Field
          label="Passphrase"
          optional
          hint={`${without} Studio does not keep it: without it nobody opens the backup again.`}
          fault={faultOf(begin.error, 'passphrase')}
        >
          {(links) => (
            <Input
              {...links}
              mono
              autofocus
              type="password"
              autocomplete="new-password"
              value={passphrase.value}
              onInput={(value) => (passphrase.value = value)}
            />
          )}
        </Field>
        <Checkbox
          label="Prove it: restore it into a throw-away database, compare, run a workflow"
          checked={verify.value}
          onChange={(value) => (verify.value = value)}
        />
      </form>
    </Dialog>
  );
}

/** What a backup is made of, in plain words. */
export function KindField(props: {
  readonly value: Backup['kind'];
  readonly canBePhysical: boolean;
  readonly fault?: string | undefined;
  readonly onChange: (kind: Backup['kind']) => void;
}): JSX.Element {
  const hint = props.canBePhysical ? kindHint(props.value) : 'This Studio works on a database elsewhere, whose files are not here: its backups are logical.';
  return (
    <Field label="Kind" hint={hint} fault={props.fault}>
      {(links) => (
        <Select
          {...links}
          value={props.value}
          disabled={!props.canBePhysical}
          options={[
            { value: 'logical', label: 'Logical (any PostgreSQL)' },
            { value: 'physical', label: 'Physical (same PostgreSQL only)' },
          ]}
          onChange={(value) => props.onChange(value === 'physical' ? 'physical' : 'logical')}
        />
      )}
    </Field>
  );
}

export function ProveDialog({ backup, hasPassphrase, onClose, onBegun }: Begins & { readonly backup: Backup; readonly hasPassphrase: boolean }): JSX.Element {
  const passphrase = useSignal('');
  const begin = useAction(async () => {
    const body = passphrase.value === '' ? {} : { passphrase: passphrase.value };
    await call('POST /api/v1/backups/{id}/verify', { params: { id: backup.id }, body });
    toast({ text: 'It is being restored to prove it' });
    onBegun();
  });
  return (
    <Dialog title="Prove this backup" onClose={onClose} actions={<FormActions form="prove" action="Prove" busy={begin.busy} onClose={onClose} />}>
      <form id="prove" class="stack" onSubmit={(event) => (event.preventDefault(), void begin.run())}>
        <FormFault error={begin.error} fields={['passphrase']} />
        <p>
          It is restored into a database and a folder that are thrown away, compared byte for byte, and a workflow runs on the copy. What runs here is not
          touched.
        </p>
        {backup.isEncrypted && (
          <Field
            label="Passphrase"
            optional={hasPassphrase}
            hint={hasPassphrase ? 'Empty: the one in BACKUP_PASSPHRASE.' : 'The one it was made with.'}
            fault={faultOf(begin.error, 'passphrase')}
          >
            {(links) => (
              <Input {...links} mono autofocus type="password" autocomplete="off" value={passphrase.value} onInput={(value) => (passphrase.value = value)} />
            )}
          </Field>
        )}
      </form>
    </Dialog>
  );
}

/** Restoring takes Studio down, so it is not done from here. */
export function RestoreDialog({ backup, onClose }: { readonly backup: Backup; readonly onClose: () => void }): JSX.Element {
  const command = restoreCommand(backup);
  return (
    <Dialog title="Restore this backup" onClose={onClose} actions={<Button onClick={onClose}>Close</Button>}>
      <div class="stack">
        <p>A restore replaces what is here now, so Studio has to be stopped for it. On its machine, in a shell:</p>
        <CodeBlock label="Commands" text={`systemctl stop studio\n${command} --dry-run\n${command}\nsystemctl start studio`} />
        <div class="row">
          <CopyButton text={command} words="Copy the command" />
        </div>
        <p class="muted">
          The first run only looks: version, space, keys, every byte. The state of now is kept beside the restored one;{' '}
          <code>studio backup restore --undo</code> brings it back.
          {backup.isEncrypted && ' FILE holds the passphrase.'}
        </p>
        {backup.kind === 'physical' && <p class="muted">{`${kindWords(backup)}, with the embedded database: not into one that DATABASE_URL names.`}</p>}
        {!backup.isEncrypted && <p class="muted">It holds no keys: stored secrets open only with the .env of this workspace.</p>}
      </div>
    </Dialog>
  );
}

function FormActions(props: { readonly form: string; readonly action: string; readonly busy: boolean; readonly onClose: () => void }): JSX.Element {
  return (
    <>
      <Button onClick={props.onClose}>Cancel</Button>
      <Button kind="primary" type="submit" form={props.form} busy={props.busy}>
        {props.action}
      </Button>
    </>
  );
}
