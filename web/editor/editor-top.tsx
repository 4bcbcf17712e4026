/** Everything above the canvas: the bar, what there is to say, and the dialogs that the bar opens. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Workflow } from '../../src/contract/workflows.ts';
import { call } from '../api.ts';
import { useAction } from '../state/action.ts';
import { Confirm } from '../ui/dialog.tsx';
import { formatCount } from '../ui/format.ts';
import { toast } from '../ui/toast.tsx';
import type { Comparison } from './compare.tsx';
import { CompareDialog } from './compare-dialog.tsx';
import { EditorBar } from './editor-bar.tsx';
import { EditorNotices } from './editor-notices.tsx';
import { ImportDraft } from './import-draft.tsx';
import type { EditorSession } from './session.ts';
import { showProblem } from './show-problem.ts';
import { ExtractDialog } from './sub-workflows.tsx';

export interface EditorTopProps {
  readonly session: EditorSession;
  /** With the newest version and its ETag. */
  readonly workflow: Workflow;
  readonly onPublished: () => void;
  readonly onTest: () => void;
  readonly testing: boolean;
}

type Asking = { readonly kind: 'overwrite' | 'revert' | 'import' } | { readonly kind: 'compare'; readonly comparison: Comparison };

export function EditorTop(props: EditorTopProps): JSX.Element {
  const { session, workflow } = props;
  const [asking, setAsking] = useState<Asking>();
  const close = (): void => setAsking(undefined);
  const compare = (comparison: Comparison): void => setAsking({ kind: 'compare', comparison });
  const publish = useAction(async (etag: string) => {
    const published = await session.publish(etag);
    toast({
      text: published.version === workflow.version ? 'Published: the structure is unchanged, the version stays' : `Version ${published.version} is published`,
    });
    props.onPublished();
  });
  const tryPublish = (): void => {
    const [first] = session.problems.peek();
    if (first !== undefined) {
      toast({ tone: 'failed', text: `${formatCount(session.problems.peek().length, 'problem')} to fix before it can be published. ${first.message}` });
      showProblem(session, first);
      return;
    }
    void publish.run(workflow.etag);
  };
  const actions = {
    publish: tryPublish,
    publishing: publish.busy,
    review: () => compare({ kind: 'published' }),
    revert: () => setAsking({ kind: 'revert' }),
    importFile: () => setAsking({ kind: 'import' }),
    extract: () => (session.isExtracting.value = true),
  };
  return (
    <>
      <EditorBar session={session} actions={actions} onTest={props.onTest} testing={props.testing} />
      <EditorNotices session={session} publishError={publish.error} onOverwrite={() => setAsking({ kind: 'overwrite' })} onCompare={compare} />
      {asking?.kind === 'compare' && <CompareDialog comparison={asking.comparison} session={session} workflow={workflow} onClose={close} />}
      {asking?.kind === 'import' && <ImportDraft session={session} onClose={close} />}
      {session.isExtracting.value && <ExtractDialog session={session} onClose={() => (session.isExtracting.value = false)} />}
      {asking?.kind === 'overwrite' && (
        <Confirm
          title="Publish over the newer version?"
          action="Publish mine"
          onClose={close}
          onConfirm={async () => {
            const newest = await call('GET /api/v1/workflows/{id}', { params: { id: workflow.id } });
            await session.publish(newest.etag);
            publish.clear();
            props.onPublished();
          }}
        >
          Someone published while you edited. Theirs stays in the list of versions; yours becomes the newest.
        </Confirm>
      )}
      {asking?.kind === 'revert' && (
        <Confirm
          title="Go back to the published version?"
          action="Go back"
          onClose={close}
          onConfirm={async () => {
            const { name, description, definition } = workflow;
            session.document.replace('Go back to the published version', { name, description, text: JSON.stringify(definition) });
          }}
        >
          The draft becomes version {workflow.version}. Undo brings yours back.
        </Confirm>
      )}
    </>
  );
}
