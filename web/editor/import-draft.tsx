/** Takes a file into the open draft: an exported document (JSON, YAML) or a bare definition. One step of the history. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { useAction } from '../state/action.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { PickFiles } from '../ui/drop-zone.tsx';
import { Field, Textarea } from '../ui/field.tsx';
import { formatCount } from '../ui/format.ts';
import { toast } from '../ui/toast.tsx';
import { ErrorView } from '../ui/views.tsx';
import { importDocument } from '../pages/workflows/import-document.ts';
import { readDefinition } from './read-definition.ts';
import type { EditorSession } from './session.ts';

export function ImportDraft(props: { readonly session: EditorSession; readonly onClose: () => void }): JSX.Element {
  const { session } = props;
  const [text, setText] = useState('');
  const read = useAction(async (file: File) => setText(await file.text()));
  const bring = useAction(async () => {
    const bare = readDefinition(text);
    if ('definition' in bare) {
      session.document.replace('Import', { text });
    } else {
      const { document, problems } = await importDocument(text, { dryRun: true });
      if (document === undefined) return;
      session.document.replace('Import', { name: document.name, description: document.description, text: JSON.stringify(document.definition) });
      toast({
        text:
          problems.length === 0
            ? `${document.name} is in the draft; its triggers are off`
            : `${document.name} is in the draft, with ${formatCount(problems.length, 'problem')}`,
      });
    }
    props.onClose();
  });
  const error = bring.error ?? read.error;
  const actions = (
    <>
      <Button onClick={props.onClose}>Close</Button>
      <Button kind="primary" type="submit" form="import-draft" busy={bring.busy} disabled={text.trim() === ''}>
        Take in
      </Button>
    </>
  );
  return (
    <Dialog title="Import into this draft" onClose={props.onClose} actions={actions}>
      <form
        id="import-draft"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void bring.run();
        }}
      >
        {error !== undefined && <ErrorView compact title="It was not taken in" error={error} />}
        <PickFiles multiple={false} onFiles={([file]) => file !== undefined && void read.run(file)}>
          Choose a file…
        </PickFiles>
        <Field label="Document" hint="JSON or YAML, as Export gives it, or a definition alone. It replaces what is here; undo brings that back.">
          {(links) => <Textarea {...links} mono rows={12} value={text} onInput={setText} placeholder={'studio: 1\nkind: workflow\nname: …'} />}
        </Field>
      </form>
    </Dialog>
  );
}
