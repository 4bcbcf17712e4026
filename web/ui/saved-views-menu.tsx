/** The saved views of a list: choose one, keep the filter as one, delete one. Takes views and callbacks only. */
import { Bookmark } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { Button } from './button.tsx';
import { Confirm, Dialog } from './dialog.tsx';
import { Checkbox, Field, Input } from './field.tsx';
import { Menu } from './menu.tsx';
import type { MenuItem } from './menu.tsx';
import type { JSX } from 'preact';

export interface ShownView {
  readonly id: string;
  readonly name: string;
  readonly filter: string;
  readonly isShared: boolean;
}

export interface SavedViewsMenuProps {
  readonly views: readonly ShownView[];
  /** The filter as it stands. */
  readonly filter: string;
  readonly onChoose: (filter: string) => void;
  /** May fail: the dialog says why. */
  readonly onSave: (name: string, isShared: boolean) => Promise<void>;
  readonly onDelete: (view: ShownView) => Promise<void>;
}

export function SavedViewsMenu(props: SavedViewsMenuProps): JSX.Element {
  const [asking, setAsking] = useState<'save' | ShownView>();
  const current = props.views.find((view) => view.filter === props.filter);
  const items: readonly MenuItem[] = [
    ...props.views.map((view) => ({
      label: view.isShared ? `${view.name} (shared)` : view.name,
      checked: view.id === current?.id,
      onSelect: () => props.onChoose(view.filter),
    })),
    {
      label: 'Save this filter…',
      separated: props.views.length > 0,
      disabled: props.filter === '' || current !== undefined,
      onSelect: () => setAsking('save'),
    },
    ...(current === undefined ? [] : [{ label: `Delete “${current.name}”…`, danger: true, onSelect: () => setAsking(current) }]),
  ];
  return (
    <>
      <Menu label={current === undefined ? 'Saved views' : `Saved views: ${current.name}`} items={items} buttonClass="btn btn-normal btn-size-normal">
        <Bookmark size={14} />
        <span class="btn-words">{current?.name ?? 'Views'}</span>
      </Menu>
      {asking === 'save' && <SaveDialog filter={props.filter} onSave={props.onSave} onClose={() => setAsking(undefined)} />}
      {typeof asking === 'object' && (
        <Confirm
          title={`Delete the view “${asking.name}”?`}
          action="Delete"
          danger
          onConfirm={() => props.onDelete(asking)}
          onClose={() => setAsking(undefined)}
        >
          {asking.isShared ? 'Everybody in the organisation loses it.' : 'The runs that it shows stay as they are.'}
        </Confirm>
      )}
    </>
  );
}

function SaveDialog(props: {
  readonly filter: string;
  readonly onSave: (name: string, isShared: boolean) => Promise<void>;
  readonly onClose: () => void;
}): JSX.Element {
  const [name, setName] = useState('');
  const [isShared, setShared] = useState(false);
  const [fault, setFault] = useState<string>();
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      await props.onSave(name.trim(), isShared);
      props.onClose();
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  const actions = (
    <>
      <Button onClick={props.onClose}>Close</Button>
      <Button kind="primary" type="submit" form="save-view" busy={busy} disabled={name.trim() === ''}>
        Save
      </Button>
    </>
  );
  return (
    <Dialog title="Save this filter" size="small" onClose={props.onClose} actions={actions}>
      <form
        id="save-view"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <p class="mono muted">{props.filter}</p>
        <Field label="Name" fault={fault}>
          {(links) => <Input {...links} value={name} onInput={setName} maxLength={80} autocomplete="off" autofocus />}
        </Field>
        <Checkbox label="Show it to everybody in the organisation" checked={isShared} onChange={setShared} />
      </form>
    </Dialog>
  );
}
