/** A temporary password, shown this once: for somebody who was added, or who leads a new organisation. */
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { CodeBlock } from '../../ui/log-view.tsx';
import { Banner } from '../../ui/views.tsx';
import type { JSX } from 'preact';

export function TemporaryPassword(props: {
  readonly title: string;
  readonly email: string;
  readonly password: string;
  readonly onClose: () => void;
}): JSX.Element {
  return (
    <Dialog
      title={props.title}
      onClose={props.onClose}
      actions={
        <>
          <CopyButton text={props.password} words="Copy password" />
          <Button kind="primary" onClick={props.onClose}>
            Done
          </Button>
        </>
      }
    >
      <div class="stack">
        <Banner tone="warn">The password is shown this once. It has to be changed at the first login.</Banner>
        <p class="muted">Give it to {props.email}:</p>
        <CodeBlock label="Temporary password" text={props.password} wrap />
      </div>
    </Dialog>
  );
}
