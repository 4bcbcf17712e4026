/** Dialogs on the browser's own <dialog>: it keeps the focus inside and closes on Escape. Mounted means open. */
import { X } from 'lucide-preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { Button, IconButton } from './button.tsx';
import { Field, Input } from './field.tsx';
import type { ComponentChildren, JSX } from 'preact';

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  /** Buttons at the foot, the main one last. */
  readonly actions?: ComponentChildren | undefined;
  readonly size?: 'small' | 'normal' | 'large' | undefined;
}

export function Dialog(props: DialogProps): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const shown = element.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={element}
      class={`dialog dialog-${props.size ?? 'normal'}`}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === element.current) props.onClose();
      }}
    >
      <div class="dialog-frame">
        <h2 id={titleId} class="dialog-title">
          {props.title}
        </h2>
        <div class="dialog-body">{props.children}</div>
        {props.actions === undefined ? (
          // Last of all, so that what the dialog is for takes the focus.
          <div class="dialog-close">
            <IconButton label="Close" icon={<X size={16} />} hint="escape" onClick={props.onClose} />
          </div>
        ) : (
          <div class="dialog-actions">{props.actions}</div>
        )}
      </div>
    </dialog>
  );
}

export interface ConfirmProps {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly action: string;
  readonly danger?: boolean | undefined;
  /** Text to type before the action is allowed, for what can't be undone. */
  readonly typed?: string | undefined;
  /** May fail: the dialog stays open and shows why. */
  readonly onConfirm: () => Promise<void>;
  readonly onClose: () => void;
}

/** Asks once. Closes when the action is done; shows the fault when it is not. */
export function Confirm(props: ConfirmProps): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string>();
  const [typed, setTyped] = useState('');
  const confirm = async (): Promise<void> => {
    setBusy(true);
    try {
      await props.onConfirm();
      props.onClose();
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  const actions = (
    <>
      <Button onClick={props.onClose}>Keep</Button>
      <Button
        kind={props.danger === true ? 'danger' : 'primary'}
        busy={busy}
        disabled={props.typed !== undefined && typed !== props.typed}
        onClick={() => void confirm()}
      >
        {props.action}
      </Button>
    </>
  );
  return (
    <Dialog title={props.title} size="small" onClose={props.onClose} actions={actions}>
      <div class="stack">
        <div class="muted">{props.children}</div>
        {props.typed !== undefined && (
          <Field label={`Type ${props.typed} to confirm`}>
            {(links) => <Input {...links} value={typed} onInput={setTyped} autocomplete="off" autofocus />}
          </Field>
        )}
        {fault !== undefined && (
          <p class="field-fault" role="alert">
            {fault}
          </p>
        )}
      </div>
    </Dialog>
  );
}
