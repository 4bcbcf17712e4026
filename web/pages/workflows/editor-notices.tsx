/** What the editor says about saving and publishing: how the draft stands, a second writer, a refused publish. */
import type { JSX } from 'preact';
import type { Workflow } from '../../../src/contract/workflows.ts';
import { call } from '../../api.ts';
import type { ApiError } from '../../api.ts';
import type { DraftState } from '../../form/draft.ts';
import { useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { now } from '../../ui/clock.ts';
import { formatRelative } from '../../ui/format.ts';
import { Banner, ErrorView } from '../../ui/views.tsx';
import { contentOf } from './editor-state.ts';
import type { EditorState } from './editor-state.ts';

export function SavedMark(props: { readonly state: DraftState }): JSX.Element {
  const { state } = props;
  const words: Readonly<Record<DraftState['kind'], string>> = {
    clean: '',
    dirty: 'Typing…',
    saving: 'Saving…',
    saved: 'Draft saved',
    offline: 'Not saved yet: kept in this browser',
    conflict: 'Changed elsewhere',
  };
  const text = state.kind === 'saved' ? `${words.saved} ${formatRelative(state.at, now.value)}` : words[state.kind];
  return (
    <span
      class={state.kind === 'offline' || state.kind === 'conflict' ? 'editor-saved editor-unsaved' : 'editor-saved'}
      role="status"
      data-tip={state.kind === 'offline' ? state.reason : undefined}
    >
      {text}
    </span>
  );
}

export function Conflict(props: { readonly workflow: Workflow; readonly state: EditorState; readonly onText: (text: string) => void }): JSX.Element {
  const { workflow, state } = props;
  const choose = useAction(async (mine: boolean) => {
    const view = await call('GET /api/v1/workflows/{id}/draft', { params: { id: workflow.id } });
    if (mine) return await state.draft.keepMine(view.etag);
    const theirs = contentOf(view, workflow);
    props.onText(theirs.text);
    state.change({ name: theirs.name, description: theirs.description });
    state.draft.adopt(view.etag);
  });
  return (
    <Banner
      tone="warn"
      action={
        <>
          <Button size="small" busy={choose.busy} onClick={() => void choose.run(false)}>
            Take theirs
          </Button>
          <Button size="small" busy={choose.busy} onClick={() => void choose.run(true)}>
            Keep mine
          </Button>
        </>
      }
    >
      This draft was saved from somewhere else meanwhile. Yours is kept in this browser until you choose.
      {choose.error !== undefined && ` ${choose.error.message}`}
    </Banner>
  );
}

export function PublishFault(props: { readonly error: ApiError; readonly onOverwrite: () => void }): JSX.Element {
  const { error } = props;
  if (error.code === 'stale_version') {
    return (
      <Banner
        tone="warn"
        action={
          <Button size="small" onClick={props.onOverwrite}>
            Publish mine…
          </Button>
        }
      >
        Someone published another version while you edited.
      </Banner>
    );
  }
  return <ErrorView compact title="It was not published" error={error} />;
}
