/** The fields of limits of models: of an organisation, or of one API key. */
import { Field, Input } from '../../ui/field.tsx';
import { limitFault, limitFields } from './limits-draft.ts';
import type { JSX } from 'preact';
import type { LimitsDraft } from './limits-draft.ts';

export function LimitsFields(props: {
  readonly draft: LimitsDraft;
  readonly disabled?: boolean;
  readonly onChange: (draft: LimitsDraft) => void;
}): JSX.Element {
  return (
    <>
      {limitFields.map(({ name, title, most }) => (
        <Field key={name} label={title} optional fault={limitFault(props.draft[name], most)}>
          {(links) => (
            <Input
              {...links}
              mono
              placeholder="not limited"
              value={props.draft[name]}
              disabled={props.disabled === true}
              onInput={(typed) => props.onChange({ ...props.draft, [name]: typed })}
            />
          )}
        </Field>
      ))}
    </>
  );
}
