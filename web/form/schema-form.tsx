/** The fields of an object: those in use and those one often needs in sight, rare ones folded, what no field shows as JSON. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { formatCount } from '../ui/format.ts';
import { Button } from '../ui/button.tsx';
import { useFormTools } from './form-context.ts';
import { fieldsOfObject, unknownNames } from './schema-controls.ts';
import type { SchemaField } from './schema-controls.ts';
import type { Schema } from './schema.ts';
import { asRecord, childPath, withMember } from './value-edit.ts';
import { JsonField } from './value-json.tsx';

export interface SchemaFormProps {
  readonly root: Schema;
  /** Of the object; its fields are derived unless given. */
  readonly schema: Schema;
  readonly fields?: readonly SchemaField[];
  readonly path: string;
  readonly value: unknown;
  readonly onChange: (value: Record<string, unknown>) => void;
}

export function SchemaForm(props: SchemaFormProps): JSX.Element {
  const tools = useFormTools();
  const fields = props.fields ?? fieldsOfObject(props.root, props.schema);
  const value = asRecord(props.value);
  const [shown, setShown] = useState(false);
  const rare = fields.filter((field) => field.hint.rare === true && value[field.name] === undefined);
  const others = unknownNames(fields, value);
  const change = (name: string, member: unknown): void => props.onChange(withMember(value, name, member));
  return (
    <div class="vf-fields">
      {fields
        .filter((field) => shown || !rare.includes(field))
        .map((field) => (
          <tools.Field
            key={field.name}
            root={props.root}
            schema={field.schema}
            path={childPath(props.path, field.name)}
            name={field.name}
            title={field.title}
            description={field.description}
            required={field.required}
            fallback={field.fallback}
            hint={field.hint}
            value={value[field.name]}
            onChange={(member) => change(field.name, member)}
          />
        ))}
      {rare.length > 0 && (
        <div class="vf-more">
          <Button size="small" kind="quiet" onClick={() => setShown(!shown)}>
            {shown ? 'Fewer fields' : `${formatCount(rare.length, 'more field')}: ${rare.map((field) => field.title.toLowerCase()).join(', ')}`}
          </Button>
        </div>
      )}
      {others.map((name) => (
        <JsonField
          key={name}
          title={name}
          description="No field of this version shows it; it is kept as it stands."
          fault={tools.faultAt(childPath(props.path, name))}
          path={childPath(props.path, name)}
          value={value[name]}
          onChange={(member) => change(name, member)}
          onRemove={() => change(name, undefined)}
        />
      ))}
    </div>
  );
}
