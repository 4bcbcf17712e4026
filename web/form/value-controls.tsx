/** Controls of single values: text, figures with units and sliders, choices, switches, code, and what is picked from lists of Studio. */
import { useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { Checkbox, Input, Select, Switch, Textarea } from '../ui/field.tsx';
import type { Control } from './schema-controls.ts';
import { SchemaBuilderField } from './schema-builder.tsx';
import { bestUnit, figureOf, scaleOf, valueOfFigure } from './units.ts';
import { CodeField } from './value-code.tsx';
import { asList } from './value-edit.ts';
import { ValueFrame, linksOf } from './value-frame.tsx';
import { usePathDrop } from './path-drop.ts';
import type { ControlProps } from './value-types.ts';
import { CredentialField } from './credential-field.tsx';
import { FileField, ModelField, SecretField, WorkflowField } from './value-pickers.tsx';

export function SimpleControl(props: ControlProps & { readonly control: Control }): JSX.Element | null {
  const { control } = props;
  switch (control.kind) {
    case 'text':
    case 'long':
      return <TextField {...props} isLong={control.kind === 'long'} />;
    case 'number':
      return <NumberField {...props} control={control} />;
    case 'switch':
      return <SwitchField {...props} />;
    case 'choice':
      return <ChoiceField {...props} choices={control.choices} />;
    case 'checks':
      return <ChecksField {...props} choices={control.choices} />;
    case 'code':
      return <CodeField {...props} language={control.language} />;
    case 'secret':
      return <SecretField {...props} />;
    case 'credential':
      return <CredentialField {...props} />;
    case 'model':
      return <ModelField {...props} />;
    case 'file':
      return <FileField {...props} />;
    case 'workflow':
      return <WorkflowField {...props} />;
    case 'schema':
      return <SchemaBuilderField {...props} />;
    default:
      return null;
  }
}

function fallbackText(fallback: unknown): string {
  return fallback === undefined ? '' : typeof fallback === 'string' ? fallback : JSON.stringify(fallback);
}

function TextField(props: ControlProps & { readonly isLong: boolean }): JSX.Element {
  const { frame, value, onChange } = props;
  const drop = usePathDrop(value, onChange);
  const text = value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  const change = (next: string): void => onChange(next === '' && props.required !== true ? undefined : next);
  const links = { ...linksOf(frame), value: text, onInput: change, disabled: frame.locked, placeholder: fallbackText(props.fallback) };
  return (
    <ValueFrame {...frame}>
      <div {...drop}>
        {props.isLong ? (
          <Textarea {...links} rows={Math.min(10, Math.max(props.isPart === true ? 1 : 3, text.split('\n').length))} />
        ) : (
          <Input {...links} autocomplete="off" />
        )}
      </div>
    </ValueFrame>
  );
}

function NumberField(props: ControlProps & { readonly control: Extract<Control, { readonly kind: 'number' }> }): JSX.Element {
  const { frame, value, onChange, control } = props;
  const drop = usePathDrop('', onChange);
  const scale = control.unit === undefined ? [{ label: '', factor: 1 }] : scaleOf(control.unit);
  const best = control.unit === undefined ? scale[0] : bestUnit(control.unit, value ?? props.fallback);
  const [chosen, setChosen] = useState<string>();
  const unit = scale.find((each) => each.label === (chosen ?? best?.label)) ?? { label: '', factor: 1 };
  // What is being typed stays as it is typed: "1." is on its way to "1.5".
  const typed = useRef<{ readonly text: string; readonly value: unknown }>();
  const shown = typed.current !== undefined && Object.is(typed.current.value, value) ? typed.current.text : figureOf(value, unit.factor);
  const type = (text: string): void => {
    setChosen(unit.label);
    const next = valueOfFigure(text, unit.factor, control.isInteger);
    typed.current = { text, value: next };
    onChange(next);
  };
  const convert = (label: string): void => {
    const next = scale.find((each) => each.label === label);
    setChosen(label);
    if (next !== undefined && typeof value === 'number') onChange(valueOfFigure(figureOf(value, unit.factor), next.factor, control.isInteger));
  };
  return (
    <ValueFrame {...frame}>
      <div class="vf-number" {...drop}>
        {control.hasSlider && (
          <input
            type="range"
            class={value === undefined ? 'vf-slider vf-unset' : 'vf-slider'}
            aria-label={`${props.title}, slider`}
            disabled={frame.locked}
            min={control.min}
            max={control.max}
            step={control.isInteger ? 1 : ((control.max ?? 1) - (control.min ?? 0)) / 100}
            value={typeof value === 'number' ? value : Number(props.fallback ?? control.min ?? 0)}
            onInput={(event) => type(event.currentTarget.value)}
          />
        )}
        <div class="vf-figure">
          <Input
            {...linksOf(frame)}
            value={shown}
            disabled={frame.locked}
            autocomplete="off"
            placeholder={figureOf(props.fallback, unit.factor)}
            onInput={type}
          />
        </div>
        {control.unit !== undefined &&
          (scale.length === 1 ? (
            <span class="faint">{unit.label}</span>
          ) : (
            <Select
              label={`Unit of ${props.title}`}
              value={unit.label}
              disabled={frame.locked}
              options={scale.map(({ label }) => ({ value: label, label }))}
              onChange={convert}
            />
          ))}
      </div>
    </ValueFrame>
  );
}

function SwitchField(props: ControlProps): JSX.Element {
  const { frame, value } = props;
  return (
    <ValueFrame {...frame} isGroup>
      <Switch
        label={props.title}
        hideLabel
        checked={value === undefined ? props.fallback === true : value === true}
        disabled={frame.locked}
        onChange={props.onChange}
      />
    </ValueFrame>
  );
}

function ChoiceField(props: ControlProps & { readonly choices: Extract<Control, { readonly kind: 'choice' }>['choices'] }): JSX.Element {
  const { frame, value, choices } = props;
  const options = choices.map((choice) => ({ value: String(choice.value), label: choice.label }));
  const isKnown = value === undefined || choices.some((choice) => choice.value === value);
  const usual = choices.find((choice) => choice.value === props.fallback)?.label ?? fallbackText(props.fallback);
  const unset = props.fallback === undefined ? '–' : `${usual} (default)`;
  return (
    <ValueFrame {...frame}>
      <Select
        {...linksOf(frame)}
        disabled={frame.locked}
        value={value === undefined ? '' : String(value)}
        options={[
          ...(props.required === true && value !== undefined ? [] : [{ value: '', label: unset }]),
          ...options,
          ...(isKnown ? [] : [{ value: String(value), label: `${String(value)} (unknown here)` }]),
        ]}
        onChange={(next) => props.onChange(next === '' ? undefined : (choices.find((choice) => String(choice.value) === next)?.value ?? next))}
      />
    </ValueFrame>
  );
}

function ChecksField(props: ControlProps & { readonly choices: readonly string[] }): JSX.Element {
  const { frame } = props;
  const chosen = asList(props.value ?? props.fallback);
  const others = chosen.filter((each) => typeof each !== 'string' || !props.choices.includes(each));
  const toggle = (choice: string, on: boolean): void => {
    const next = [...props.choices.filter((each) => (each === choice ? on : chosen.includes(each))), ...others];
    props.onChange(next.length === 0 ? undefined : next);
  };
  return (
    <ValueFrame {...frame} isGroup>
      <div class="row row-wrap">
        {props.choices.map((choice) => (
          <Checkbox key={choice} label={choice} checked={chosen.includes(choice)} disabled={frame.locked} onChange={(on) => toggle(choice, on)} />
        ))}
      </div>
    </ValueFrame>
  );
}
