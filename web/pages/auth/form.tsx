/** A form that sends once: fault on top, button below; Enter sends. */
import { formFault } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import type { ComponentChildren, JSX } from 'preact';
import type { ApiError } from '../../api.ts';

export interface SendFormProps {
  readonly action: string;
  readonly busy: boolean;
  readonly error: ApiError | undefined;
  /** Names of the fields that show their own faults. */
  readonly fields?: readonly string[];
  readonly disabled?: boolean;
  readonly onSend: () => void;
  readonly children: ComponentChildren;
}

export function SendForm(props: SendFormProps): JSX.Element {
  const fault = formFault(props.error, props.fields ?? []);
  return (
    <form
      class="stack auth-form"
      onSubmit={(event) => {
        event.preventDefault();
        props.onSend();
      }}
    >
      {fault !== undefined && (
        <div class="form-fault" role="alert">
          {fault}
        </div>
      )}
      {props.children}
      <Button type="submit" kind="primary" size="large" busy={props.busy} disabled={props.disabled}>
        {props.action}
      </Button>
    </form>
  );
}
