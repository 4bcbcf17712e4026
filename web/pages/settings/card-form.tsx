/** A card that is a form: fields, its fault, one button that sends. */
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
        <FormFault error={props.error} />
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

/** What a command was refused for, inside its form. */
export function FormFault(props: { readonly error: ApiError | undefined }): JSX.Element | null {
  if (props.error === undefined) return null;
  return (
    <div class="form-fault" role="alert">
      {props.error.message}
      {props.error.requestId !== undefined && <div class="mono small">{props.error.requestId}</div>}
    </div>
  );
}
