/** Brings a workflow in from a file or pasted text. Lands in its editor: what could not be published waits there as a draft. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { go } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { PickFiles } from '../../ui/drop-zone.tsx';
import { Field, Textarea } from '../../ui/field.tsx';
import { formatCount } from '../../ui/format.ts';
import { toast } from '../../ui/toast.tsx';
import { ErrorView } from '../../ui/views.tsx';
import { importDocument } from './import-document.ts';

export function ImportWorkflow(props: { readonly onClose: () => void }): JSX.Element {
  const [text, setText] = useState('');
  const bring = useAction(async () => {
    const { workflowId, name, isDraft, problems, triggersOff } = await importDocument(text);
    props.onClose();
    const off = triggersOff.length === 0 ? '' : `; ${formatCount(triggersOff.length, 'trigger')} came switched off`;
    toast({ text: isDraft ? `${name} is a draft: ${formatCount(problems.length, 'problem')} to solve${off}` : `${name} is imported${off}` });
    go(`/workflows/${workflowId ?? ''}?tab=editor`);
  });
  const read = useAction(async (file: File) => setText(await file.text()));
  const submit = (event: Event): void => {
    event.preventDefault();
    void bring.run();
  };
  const error = bring.error ?? read.error;
  const actions = (
    <>
      <Button onClick={props.onClose}>Close</Button>
      <Button kind="primary" type="submit" form="import-workflow" busy={bring.busy} disabled={text.trim() === ''}>
        Import
      </Button>
    </>
  );
  return (
    <Dialog title="Import a workflow" onClose={props.onClose} actions={actions}>
      <form id="import-workflow" class="stack" onSubmit={submit}>
        {error !== undefined && <ErrorView compact title="It was not imported" error={error} />}
        <PickFiles multiple={false} onFiles={([file]) => file !== undefined && void read.run(file)}>
          Choose a file…
        </PickFiles>
        <Field label="Document" hint="JSON or YAML, as Export gives it. Nothing runs by importing; triggers come switched off.">
          {(links) => <Textarea {...links} mono rows={12} value={text} onInput={setText} placeholder={'studio: 1\nkind: workflow\nname: …'} />}
        </Field>
      </form>
    </Dialog>
  );
}
