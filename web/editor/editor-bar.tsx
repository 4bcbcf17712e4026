/** The bar above the editor: name, how the draft stands, who else is here, undo and redo, Canvas or JSON, test, publish, and everything else in one menu. */
import { Ellipsis, FlaskConical, Redo2, Undo2 } from 'lucide-preact';
import type { JSX } from 'preact';
import { useCommands } from '../shell/commands.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { now } from '../ui/clock.ts';
import { Input, Segmented } from '../ui/field.tsx';
import { formatCount, formatRelative } from '../ui/format.ts';
import { Menu } from '../ui/menu.tsx';
import type { DraftState } from '../form/draft.ts';
import { barItems } from './bar-items.ts';
import type { BarActions } from './bar-items.ts';
import { Present } from './present.tsx';
import type { EditorSession } from './session.ts';

export interface EditorBarProps {
  readonly session: EditorSession;
  readonly actions: BarActions;
  /** Opens the test dialog, or runs the test again. */
  readonly onTest: () => void;
  readonly testing: boolean;
}

export function EditorBar(props: EditorBarProps): JSX.Element {
  const { session, actions } = props;
  const { document, mode } = session;
  const problems = session.problems.value.length;
  const undo = document.canUndo.value;
  const redo = document.canRedo.value;
  const isForeign = document.lockReason.value !== undefined;
  const items = barItems(session, actions);
  const shown = mode.value;
  useCommands([
    {
      id: 'editor-undo',
      title: undo === undefined ? 'Undo' : `Undo: ${undo}`,
      group: 'Editor',
      keys: 'mod+z',
      disabled: undo === undefined,
      when: isHere,
      run: () => document.undo(),
    },
    {
      id: 'editor-redo',
      title: redo === undefined ? 'Redo' : `Redo: ${redo}`,
      group: 'Editor',
      keys: 'mod+shift+z',
      disabled: redo === undefined,
      when: isHere,
      run: () => document.redo(),
    },
    { id: 'editor-redo-y', title: 'Redo (second key)', group: 'Editor', keys: 'mod+y', disabled: redo === undefined, when: isHere, run: () => document.redo() },
    { id: 'editor-save', title: 'Save the draft now', group: 'Editor', keys: 'mod+s', run: () => void session.draft.flush() },
    {
      id: 'editor-mode',
      title: shown === 'json' ? 'Show the canvas' : 'Show the JSON',
      group: 'Editor',
      keys: 'mod+j',
      run: () => (mode.value = shown === 'json' ? 'canvas' : 'json'),
    },
    { id: 'editor-test', title: 'Test', group: 'Editor', keys: 'mod+shift+enter', words: 'run try', disabled: props.testing, run: props.onTest },
    { id: 'editor-publish', title: 'Publish', group: 'Editor', keys: 'mod+enter', disabled: actions.publishing, run: actions.publish },
    ...items.flatMap((item) =>
      item.onSelect === undefined ? [] : [{ id: `editor-${item.label}`, title: item.label, group: 'Editor', disabled: item.disabled, run: item.onSelect }],
    ),
  ]);
  return (
    <div class="editor-bar" role="toolbar" aria-label="Editor">
      <div class="editor-name">
        <Input
          label="Workflow name"
          value={document.about.value.name}
          maxLength={200}
          autocomplete="off"
          disabled={isForeign}
          onInput={(name) => document.changeAbout({ name })}
        />
      </div>
      <SavedMark state={session.draft.state.value} />
      <span class="grow" />
      <Present session={session} />
      <div class="row editor-undo">
        <IconButton
          label={undo === undefined ? 'Nothing to undo' : `Undo: ${undo}`}
          hint="mod+z"
          icon={<Undo2 size={14} />}
          disabled={undo === undefined || isForeign}
          onClick={() => document.undo()}
        />
        <IconButton
          label={redo === undefined ? 'Nothing to redo' : `Redo: ${redo}`}
          hint="mod+shift+z"
          icon={<Redo2 size={14} />}
          disabled={redo === undefined || isForeign}
          onClick={() => document.redo()}
        />
      </div>
      <Segmented
        label="Show as"
        value={shown}
        onChange={(next) => (mode.value = next)}
        options={[
          { value: 'canvas', label: 'Canvas' },
          { value: 'json', label: 'JSON' },
        ]}
      />
      <Menu label="More" items={items}>
        <Ellipsis size={16} />
      </Menu>
      <Button size="small" icon={<FlaskConical size={14} />} busy={props.testing} onClick={props.onTest}>
        Test
      </Button>
      <Button
        kind="primary"
        size="small"
        busy={actions.publishing}
        disabled={isForeign || document.about.value.name.trim() === ''}
        hint="mod+enter"
        onClick={actions.publish}
        {...(problems > 0 ? { tip: `${formatCount(problems, 'problem')} to fix first` } : {})}
      >
        Publish
      </Button>
    </div>
  );
}

/** In a field the keys of the history are the field's own. */
function isHere(): boolean {
  return !(document.activeElement?.matches('input, textarea, [contenteditable=true]') ?? false);
}

const WORDS: Readonly<Record<DraftState['kind'], string>> = {
  clean: '',
  dirty: 'Typing…',
  saving: 'Saving…',
  saved: 'Draft saved',
  offline: 'Not saved yet: kept in this browser',
  conflict: 'Changed elsewhere',
};

function SavedMark(props: { readonly state: DraftState }): JSX.Element {
  const { state } = props;
  const text = state.kind === 'saved' ? `${WORDS.saved} ${formatRelative(state.at, now.value)}` : WORDS[state.kind];
  return (
    <span
      class={state.kind === 'offline' || state.kind === 'conflict' ? 'editor-saved editor-unsaved' : 'editor-saved'}
      role="status"
      data-state={state.kind}
      data-tip={state.kind === 'offline' ? state.reason : undefined}
    >
      {text}
    </span>
  );
}
