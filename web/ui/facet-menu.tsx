/** A facet with many values: a button that says what is chosen, and a menu of the values with their counts. */
import { ChevronDown } from 'lucide-preact';
import { formatShort } from './format.ts';
import { Menu } from './menu.tsx';
import type { JSX } from 'preact';

export interface FacetValue {
  readonly value: string;
  readonly label?: string | undefined;
  readonly count?: number | undefined;
}

export function FacetMenu(props: {
  readonly title: string;
  readonly values: readonly FacetValue[];
  readonly chosen: string | undefined;
  readonly onToggle: (value: string) => void;
}): JSX.Element {
  const { values, chosen } = props;
  const known = values.find((each) => each.value === chosen);
  const all = chosen === undefined || known !== undefined ? values : [{ value: chosen }, ...values];
  const items = all.map((each) => ({
    label: each.label ?? each.value,
    note: each.count === undefined ? undefined : formatShort(each.count),
    checked: each.value === chosen,
    onSelect: () => props.onToggle(each.value),
  }));
  const shown = chosen === undefined ? props.title : (known?.label ?? chosen);
  const label = `Filter by ${props.title.toLowerCase()}${chosen === undefined ? '' : `: ${shown}`}`;
  const none = { label: 'Nothing to choose from', disabled: true };
  return (
    <Menu label={label} items={items.length === 0 ? [none] : items} buttonClass="facet-item facet-menu">
      <span class="facet-word truncate" data-chosen={chosen !== undefined}>
        {shown}
      </span>
      <ChevronDown size={12} aria-hidden="true" />
    </Menu>
  );
}
