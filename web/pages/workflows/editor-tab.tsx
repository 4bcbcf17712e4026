/** The editor of a definition: JSON with completion and live problems, a drawing of it beside, drafts saved as one types, publish. */
import { useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Workflow } from '../../../src/contract/workflows.ts';
import { call } from '../../api.ts';
import { CodeEditorView } from '../../form/code-editor.tsx';
import type { CodeEditor } from '../../form/code-mirror.ts';
import type { Knowledge } from '../../form/completion.ts';
import { docOf, rangeOf } from '../../form/json-doc.ts';
import { formatJson } from '../../form/json-format.ts';
import { parseJson } from '../../form/schema-fields.ts';
import { useParam } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { useOwned } from '../../state/use-owned.ts';
import { useResource } from '../../state/resource.ts';
import { nodeTypes } from '../../state/workflows.ts';
import { useCommands } from '../../shell/commands.ts';
import { Button } from '../../ui/button.tsx';
import { AsCurl } from '../../ui/copy.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Input } from '../../ui/field.tsx';
import { formatCount } from '../../ui/format.ts';
import { toast } from '../../ui/toast.tsx';
import { View } from '../../ui/views.tsx';
import { Conflict, PublishFault, SavedMark } from './editor-notices.tsx';
import { Preview } from './editor-preview.tsx';
import { Problems } from './editor-problems.tsx';
import { createEditor } from './editor-state.ts';
import type { DraftView, EditorState } from './editor-state.ts';

export interface EditorTabProps {
  readonly workflow: Workflow;
  readonly onPublished: () => void;
}

export function EditorTab(props: EditorTabProps): JSX.Element {
  const { workflow } = props;
  const loaded = useResource(
    async (signal) => {
      const [draft, types] = await Promise.all([call('GET /api/v1/workflows/{id}/draft', { params: { id: workflow.id }, signal }), nodeTypes()]);
      return { draft, types, secrets: await secretNames(signal) };
    },
    [workflow.id],
  );
  return (
    <View of={loaded} what="the draft">
      {({ draft, types, secrets }) => <Editor {...props} view={draft} knowledge={{ types, secrets }} />}
    </View>
  );
}

/** Names for completion; who may not list them completes without. */
async function secretNames(signal: AbortSignal): Promise<readonly string[]> {
  try {
    return (await call('GET /api/v1/secrets', { query: { limit: 200 }, signal })).items.map((secret) => secret.name);
  } catch {
    return [];
  }
}

function Editor(props: EditorTabProps & { readonly view: DraftView; readonly knowledge: Knowledge }): JSX.Element {
  const { workflow } = props;
  const state = useOwned(() => createEditor(workflow, props.view), [workflow.id]);
  const editor = useRef<CodeEditor>();
  const [asking, setAsking] = useState<'overwrite' | 'discard'>();
  const [find] = useParam('find');
  const content = state.content.value;
  const problems = state.problems.value;
  const publish = useAction(async (etag: string) => {
    const published = await state.publish(etag);
    toast({
      text: published.version === workflow.version ? 'Published: the structure is unchanged, the version stays' : `Version ${published.version} is published`,
    });
    props.onPublished();
  });
  const tryPublish = async (): Promise<void> => {
    await publish.run(workflow.etag);
  };
  const format = (): void => {
    const parsed = parseJson(state.content.value.text);
    if ('value' in parsed) editor.current?.setText(formatJson(parsed.value));
  };
  const save = (): void => void state.draft.flush();
  const reveal = (from: number, to: number): void => editor.current?.reveal(from, to);
  const revealNode = (key: string): void => {
    const index = state.definition.value.nodes.findIndex((node) => node.key === key);
    if (index < 0) return;
    const range = rangeOf(docOf(state.content.value.text), ['nodes', index, 'key']);
    reveal(range.from, range.to);
  };
  useCommands([
    { id: 'editor-publish', title: 'Publish', group: 'This page', keys: 'mod+enter', disabled: publish.busy, run: () => void tryPublish() },
    { id: 'editor-format', title: 'Format the definition', group: 'This page', run: format },
  ]);
  return (
    <div class="editor-layout">
      <div class="editor-side">
        <Bar state={state} busy={publish.busy} problemCount={problems.length} workflow={workflow} onPublish={() => void tryPublish()} />
        {state.draft.state.value.kind === 'conflict' && <Conflict workflow={workflow} state={state} onText={(text) => editor.current?.setText(text)} />}
        {publish.error !== undefined && <PublishFault error={publish.error} onOverwrite={() => setAsking('overwrite')} />}
        <CodeEditorView
          label={`Definition of ${workflow.name}`}
          text={content.text}
          knowledge={props.knowledge}
          problems={problems}
          onChange={(text) => state.change({ text })}
          onSave={save}
          onFormat={format}
          onReady={(ready) => {
            editor.current = ready;
            if (find !== '') revealNode(find);
          }}
        />
        <Problems
          problems={problems}
          checking={state.checking.value}
          onReveal={(problem) => reveal(problem.from, problem.to)}
          onFormat={format}
          onRevert={() => setAsking('discard')}
        />
      </div>
      <Preview state={state} knowledge={props.knowledge} problems={problems} onSelect={revealNode} />
      {asking === 'overwrite' && (
        <Confirm
          title="Publish over the newer version?"
          action="Publish mine"
          onClose={() => setAsking(undefined)}
          onConfirm={async () => {
            const newest = await call('GET /api/v1/workflows/{id}', { params: { id: workflow.id } });
            await state.publish(newest.etag);
            publish.clear();
            props.onPublished();
          }}
        >
          Someone published while you edited. Theirs stays in the list of versions; yours becomes the newest.
        </Confirm>
      )}
      {asking === 'discard' && (
        <Confirm
          title="Go back to the published version?"
          action="Go back"
          onClose={() => setAsking(undefined)}
          onConfirm={async () => editor.current?.setText(formatJson(workflow.definition))}
        >
          The text becomes that of version {workflow.version}. Undo in the editor brings yours back.
        </Confirm>
      )}
    </div>
  );
}

interface BarProps {
  readonly state: EditorState;
  readonly workflow: Workflow;
  readonly busy: boolean;
  readonly problemCount: number;
  readonly onPublish: () => void;
}

function Bar(props: BarProps): JSX.Element {
  const { state, workflow } = props;
  const content = state.content.value;
  return (
    <div class="editor-bar">
      <div class="editor-name">
        <Input label="Name" value={content.name} maxLength={200} autocomplete="off" onInput={(name) => state.change({ name })} />
      </div>
      <div class="editor-about">
        <Input
          label="Description"
          placeholder="What it is for"
          value={content.description}
          maxLength={4000}
          autocomplete="off"
          onInput={(description) => state.change({ description })}
        />
      </div>
      <SavedMark state={state.draft.state.value} />
      <AsCurl method="PUT" path={`api/v1/workflows/${workflow.id}`} body={{ name: content.name, ...state.definition.value }} />
      <Button
        kind="primary"
        size="small"
        busy={props.busy}
        disabled={props.problemCount > 0 || content.name.trim() === ''}
        hint="mod+enter"
        onClick={props.onPublish}
        {...(props.problemCount > 0 ? { tip: `${formatCount(props.problemCount, 'problem')} to fix first` } : {})}
      >
        Publish
      </Button>
    </div>
  );
}
