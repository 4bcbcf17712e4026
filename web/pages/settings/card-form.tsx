/** A card that is a form: fields, its fault, one button that sends. */
import { formFault } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/page.tsx';
import type { ComponentChildren, JSX } from 'preact';
import type { ApiError } from '../../api.ts';

export interface CardFormProps {
  readonly title: string;
  readonly aside?: ComponentChildren | undefined;
  readonly action: string;
  readonly busy: boolean;
  readonly disabled?: boolean;
  readonly error: ApiError | undefined;
  /** Names of the fields that show their own faults. */
  readonly fields: readonly string[];
  readonly onSend: () => void;
  readonly children: ComponentChildren;
}

export function CardForm(props: CardFormProps): JSX.Element {
  return (
    <Card title={props.title} aside={props.aside}>
      <form
        class="card-form"
        onSubmit={(event) => {
          event.preventDefault();
          props.onSend();
        }}
      >
        <FormFault error={props.error} fields={props.fields} />
        {props.children}
        <div class="row">
          <Button type="submit" busy={props.busy} disabled={props.disabled}>
            {props.action}
          </Button>
        </div>
      </form>
    </Card>
  );
}

/** What a command was refused for, inside its form; what a field shows itself is not said twice. */
export function FormFault(props: { readonly error: ApiError | undefined; readonly fields: readonly string[] }): JSX.Element | null {
  const message = formFault(props.error, props.fields);
  if (message === undefined) return null;
  return (
    <div class="form-fault" role="alert">
      {message}
      {props.error?.status === 500 && <div class="mono small">{props.error.requestId}</div>}
    </div>
  );
}
