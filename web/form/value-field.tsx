/** One value of a form, whatever its schema asks for, fixed or as an expression. Calls itself for what is inside. Holds no value: it shows one and
 *  hands on a changed one, so that what it does not know of stays. */
import { useId, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { ExpressionField } from './expression-field.tsx';
import { useFormTools } from './form-context.ts';
import { controlOf } from './schema-controls.ts';
import type { Control } from './schema-controls.ts';
import { numberFault } from './units.ts';
import { SimpleControl } from './value-controls.tsx';
import { holdsExpression, toExpression, toFixed } from './value-edit.ts';
import { ValueFrame } from './value-frame.tsx';
import type { ValueFieldProps } from './value-types.ts';
import { ListField, MapField, ObjectField, VariantsField } from './value-groups.tsx';
import { AnyField } from './value-json.tsx';

export function ValueField(props: ValueFieldProps): JSX.Element | null {
  const tools = useFormTools();
  const id = useId();
  const control = controlOf(props.root, props.schema, props.name);
  const isRaw = control.kind === 'code' || props.hint?.raw === true || !tools.hasExpressions;
  const [wants, setWants] = useState<boolean>();
  const [asked, setAsked] = useState(false);
  const fixed = useRef<unknown>(undefined);
  if (control.kind === 'hidden') return null;
  const { value } = props;
  const startsAsExpression = value === undefined && props.required === true && control.kind === 'any';
  const isExpression = !isRaw && control.kind !== 'expression' && (wants ?? (holdsExpression(value) || startsAsExpression));
  const toggle = (): void => {
    setWants(!isExpression);
    setAsked(true);
    if (isExpression)
      return props.onChange(typeof value === 'string' && control.kind === 'text' && !value.includes('{{') ? value : (fixed.current ?? toFixed(String(value))));
    fixed.current = value;
    props.onChange(toExpression(value));
  };
  const fault = tools.faultAt(props.path) ?? ownFault(control, value, isExpression);
  const canBeExpression = !isRaw && control.kind !== 'expression' && control.kind !== 'schema';
  const frame = {
    ...{
      id,
      title: props.title,
      description: props.description ?? '',
      required: props.required === true,
      isPart: props.isPart === true,
      fault,
      locked: tools.locked,
    },
    expression: canBeExpression ? { on: isExpression, toggle } : undefined,
    onUnset: props.required === true || value === undefined ? undefined : () => (setWants(undefined), props.onChange(undefined)),
  };
  if (isExpression || control.kind === 'expression') {
    const names = props.hint?.names;
    return (
      <ValueFrame {...frame} fault={undefined} isGroup>
        <ExpressionField
          {...{ id, label: props.title, bare: control.kind === 'expression', hasLines: control.kind !== 'text', autofocus: asked, fault }}
          {...(names === undefined ? {} : { names })}
          value={value === undefined ? '' : typeof value === 'string' ? value : toExpression(value)}
          placeholder={control.kind === 'expression' ? 'input.amount > 100' : '{{ input.name }}'}
          onChange={(text) => props.onChange(text === '' ? undefined : text)}
        />
      </ValueFrame>
    );
  }
  switch (control.kind) {
    case 'object':
      return <ObjectField {...props} frame={frame} fields={control.fields} />;
    case 'list':
      return <ListField {...props} frame={frame} item={control.item} />;
    case 'map':
      return <MapField {...props} frame={frame} item={control.value} />;
    case 'variants':
      return <VariantsField {...props} frame={frame} variants={control.variants} />;
    case 'any':
    case 'json':
      return <AnyField {...props} frame={frame} isRaw={isRaw} />;
    default:
      return <SimpleControl {...props} frame={frame} control={control} />;
  }
}

/** What can be said without the server. */
function ownFault(control: Control, value: unknown, isExpression: boolean): string | undefined {
  return control.kind === 'number' && !isExpression ? numberFault(value, control) : undefined;
}
