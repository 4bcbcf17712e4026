/** A form that sends once: fault on top, button below; Enter sends. */
import { Button } from '../../ui/button.tsx';
import type { ComponentChildren, JSX } from 'preact';
import type { ApiError } from '../../api.ts';

export interface SendFormProps {
  readonly action: string;
  readonly busy: boolean;
  readonly error: ApiError | undefined;
  readonly disabled?: boolean;
  readonly onSend: () => void;
  readonly children: ComponentChildren;
}

export function SendForm(props: SendFormProps): JSX.Element {
  return (
    <form
      class="stack auth-form"
      onSubmit={(event) => {
        event.preventDefault();
        props.onSend();
      }}
    >
      {props.error !== undefined && (
        <div class="form-fault" role="alert">
          {props.error.message}
        </div>
      )}
      {props.children}
      <Button type="submit" kind="primary" size="large" busy={props.busy} disabled={props.disabled}>
        {props.action}
      </Button>
    </form>
  );
}
