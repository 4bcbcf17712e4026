/** What the editor says above the canvas: why it is locked, a second writer, copies that were not saved, a refused publish. One line each, with what to do. */
import type { JSX } from 'preact';
import type { ApiError } from '../api.ts';
import { useAction } from '../state/action.ts';
import { Button } from '../ui/button.tsx';
import { now } from '../ui/clock.ts';
import { formatRelative } from '../ui/format.ts';
import { Banner, ErrorView } from '../ui/views.tsx';
import type { Comparison } from './compare.tsx';
import type { EditorSession } from './session.ts';

export interface NoticesProps {
  readonly session: EditorSession;
  /** Of the last try to publish. */
  readonly publishError: ApiError | undefined;
  readonly onOverwrite: () => void;
  readonly onCompare: (comparison: Comparison) => void;
}

export function EditorNotices(props: NoticesProps): JSX.Element {
  const { session } = props;
  return (
    <>
      <PenNotice session={session} />
      {session.draft.state.value.kind === 'conflict' && <Conflict {...props} />}
      <KeptNotice {...props} />
      <TextFault session={session} />
      {props.publishError !== undefined && <PublishFault error={props.publishError} onOverwrite={props.onOverwrite} />}
    </>
  );
}

function PenNotice(props: { readonly session: EditorSession }): JSX.Element | null {
  const { presence } = props.session;
  const take = useAction(async () => await presence.takePen());
  const reason = presence.reason.value;
  if (reason === undefined) return null;
  const taken = presence.takenBy.value;
  return (
    <Banner
      tone="note"
      action={
        <Button size="small" busy={take.busy} onClick={() => void take.run()}>
          {presence.others.value.some((each) => each.hasPen) ? 'Take over' : 'Edit'}
        </Button>
      }
    >
      {taken === undefined ? reason : `${taken} took over. What you typed is stored.`} You see every change as it is saved.
      {take.error !== undefined && ` ${take.error.message}`}
    </Banner>
  );
}

function Conflict(props: NoticesProps): JSX.Element {
  const { session } = props;
  const choose = useAction(async (mine: boolean) => await (mine ? session.keepMine() : session.takeTheirs()));
  return (
    <Banner
      tone="warn"
      action={
        <>
          <Button size="small" onClick={() => props.onCompare({ kind: 'theirs' })}>
            Compare…
          </Button>
          <Button size="small" busy={choose.busy} onClick={() => void choose.run(false)}>
            Take theirs
          </Button>
          <Button size="small" busy={choose.busy} onClick={() => void choose.run(true)}>
            Keep mine
          </Button>
        </>
      }
    >
      This draft was saved from somewhere else meanwhile. Yours is kept in this browser until you choose; undo brings back the other one.
      {choose.error !== undefined && ` ${choose.error.message}`}
    </Banner>
  );
}

function KeptNotice(props: NoticesProps): JSX.Element | null {
  const { session } = props;
  const [copy, ...more] = session.kept.value;
  if (copy === undefined) return null;
  return (
    <Banner
      tone="warn"
      action={
        <>
          <Button size="small" onClick={() => props.onCompare({ kind: 'kept', kept: copy })}>
            Compare…
          </Button>
          <Button size="small" disabled={session.document.lockReason.value !== undefined} onClick={() => session.bringBack(copy)}>
            Bring back
          </Button>
          <Button size="small" kind="quiet" onClick={() => session.discard(copy)}>
            Discard
          </Button>
        </>
      }
    >
      This browser keeps changes of {formatRelative(copy.at, now.value)} that were never stored, and the draft has moved on since.
      {more.length > 0 && ` ${more.length} more after this.`}
    </Banner>
  );
}

/** On the canvas: why nothing can be changed. */
function TextFault(props: { readonly session: EditorSession }): JSX.Element | null {
  const { document, mode } = props.session;
  const fault = document.locked.value;
  if (fault === undefined || document.lockReason.value !== undefined) return null;
  return (
    <Banner
      tone="warn"
      action={
        mode.value === 'json' ? undefined : (
          <Button size="small" onClick={() => (mode.value = 'json')}>
            Correct it
          </Button>
        )
      }
    >
      {fault} {mode.value === 'json' ? 'The canvas shows the last text without a fault.' : 'The canvas can’t be changed until it is corrected or undone.'}
    </Banner>
  );
}

function PublishFault(props: { readonly error: ApiError; readonly onOverwrite: () => void }): JSX.Element {
  const { error } = props;
  if (error.code !== 'stale_version') return <ErrorView compact title="It was not published" error={error} />;
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
