/** The editor of a definition: JSON with completion and live problems, a drawing of it beside, drafts saved as one types, publish. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Workflow } from '../../../src/contract/workflows.ts';
import { asApiError, call } from '../../api.ts';
import type { ApiError } from '../../api.ts';
import { CodeEditorView } from '../../form/code-editor.tsx';
import type { CodeEditor } from '../../form/code-mirror.ts';
import type { Knowledge } from '../../form/completion.ts';
import type { DraftState } from '../../form/draft.ts';
import { docOf, rangeOf } from '../../form/json-doc.ts';
import { formatJson } from '../../form/json-format.ts';
import type { EditorProblem } from '../../form/problems.ts';
import { parseJson } from '../../form/schema-fields.ts';
import { GraphPane } from '../../graph/graph-pane.tsx';
import { graphModel } from '../../graph/model.ts';
import { useParam } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { useOwned } from '../../state/use-owned.ts';
import { useResource } from '../../state/resource.ts';
import { nodeTypes } from '../../state/workflows.ts';
import { useCommands } from '../../shell/commands.ts';
import { Button } from '../../ui/button.tsx';
import { now } from '../../ui/clock.ts';
import { AsCurl } from '../../ui/copy.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Input } from '../../ui/field.tsx';
import { formatCount, formatRelative } from '../../ui/format.ts';
import { StatusShape } from '../../ui/status-chip.tsx';
import { toast } from '../../ui/toast.tsx';
import { Banner, ErrorView, View } from '../../ui/views.tsx';
import { contentOf, createEditor } from './editor-state.ts';
import type { DraftView, EditorState } from './editor-state.ts';

export interface EditorTabProps {
  readonly workflow: Workflow;
  readonly onPublished: () => void;
}

export function EditorTab(props: EditorTabProps): JSX.Element {
  const { workflow } = props;
  const loaded = useResource(async (signal) => {
    const [draft, types] = await Promise.all([call('GET /api/v1/workflows/{id}/draft', { params: { id: workflow.id }, signal }), nodeTypes()]);
    return { draft, types, secrets: await secretNames(signal) };
  }, [workflow.id]);
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
    toast({ text: published.version === workflow.version ? 'Published: the structure is unchanged, the version stays' : `Version ${published.version} is published` });
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
        <Problems problems={problems} checking={state.checking.value} onReveal={(problem) => reveal(problem.from, problem.to)} onFormat={format} onRevert={() => setAsking('discard')} />
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
        <Confirm title="Go back to the published version?" action="Go back" onClose={() => setAsking(undefined)} onConfirm={async () => editor.current?.setText(formatJson(workflow.definition))}>
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
        <Input label="Description" placeholder="What it is for" value={content.description} maxLength={4000} autocomplete="off" onInput={(description) => state.change({ description })} />
      </div>
      <SavedMark state={state.draft.state.value} />
      <AsCurl method="PUT" path={`api/v1/workflows/${workflow.id}`} body={{ name: content.name, ...state.definition.value }} />
      <Button kind="primary" size="small" busy={props.busy} disabled={props.problemCount > 0 || content.name.trim() === ''} hint="mod+enter" onClick={props.onPublish} {...(props.problemCount > 0 ? { tip: `${formatCount(props.problemCount, 'problem')} to fix first` } : {})}>
        Publish
      </Button>
    </div>
  );
}

function SavedMark(props: { readonly state: DraftState }): JSX.Element {
  const { state } = props;
  const words: Readonly<Record<DraftState['kind'], string>> = { clean: '', dirty: 'Typing…', saving: 'Saving…', saved: 'Draft saved', offline: 'Not saved yet: kept in this browser', conflict: 'Changed elsewhere' };
  const text = state.kind === 'saved' ? `${words.saved} ${formatRelative(state.at, now.value)}` : words[state.kind];
  return (
    <span class={state.kind === 'offline' || state.kind === 'conflict' ? 'editor-saved editor-unsaved' : 'editor-saved'} role="status" data-tip={state.kind === 'offline' ? state.reason : undefined}>
      {text}
    </span>
  );
}

function Conflict(props: { readonly workflow: Workflow; readonly state: EditorState; readonly onText: (text: string) => void }): JSX.Element {
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
      This draft was saved from somewhere else meanwhile. Yours is kept in this browser until you choose.{choose.error !== undefined && ` ${choose.error.message}`}
    </Banner>
  );
}

function PublishFault(props: { readonly error: ApiError; readonly onOverwrite: () => void }): JSX.Element {
  const { error } = props;
  if (error.code === 'stale_version') {
    return (
      <Banner tone="warn" action={<Button size="small" onClick={props.onOverwrite}>Publish mine…</Button>}>
        Someone published another version while you edited.
      </Banner>
    );
  }
  return <ErrorView compact title="It was not published" error={asApiError(error)} />;
}

function Problems(props: { readonly problems: readonly EditorProblem[]; readonly checking: boolean; readonly onReveal: (problem: EditorProblem) => void; readonly onFormat: () => void; readonly onRevert: () => void }): JSX.Element {
  const { problems } = props;
  return (
    <section class="problems" aria-label="Problems">
      <div class="problems-head">
        <span class="row grow" role="status">
          <StatusShape status={problems.length > 0 ? 'failed' : 'completed'} />
          {problems.length > 0 ? formatCount(problems.length, 'problem') : 'No problems'}
          {props.checking && <span class="faint">checking…</span>}
        </span>
        <Button size="small" kind="quiet" onClick={props.onFormat} tip="Shift Alt F">
          Format
        </Button>
        <Button size="small" kind="quiet" onClick={props.onRevert}>
          Revert…
        </Button>
      </div>
      {problems.map((problem) => (
        <button key={`${problem.from}${problem.code}${problem.message}`} type="button" class="problem" onClick={() => props.onReveal(problem)}>
          <span class="problem-line">{problem.line}</span>
          <span class="grow">{problem.message}</span>
          <span class="faint mono small">{problem.code}</span>
        </button>
      ))}
    </section>
  );
}

function Preview(props: { readonly state: EditorState; readonly knowledge: Knowledge; readonly problems: readonly EditorProblem[]; readonly onSelect: (key: string) => void }): JSX.Element {
  const definition = props.state.definition.value;
  const [selected, setSelected] = useState<string>();
  const found = props.problems.flatMap((problem) => (problem.node === undefined ? [] : [{ node: problem.node, path: '', code: problem.code, message: problem.message }]));
  const model = useMemo(() => graphModel({ definition, types: props.knowledge.types, problems: found }), [definition, props.knowledge.types, props.problems]);
  useEffect(() => {
    if (selected !== undefined && !definition.nodes.some((node) => node.key === selected)) setSelected(undefined);
  }, [definition]);
  const select = (key: string | undefined): void => {
    setSelected(key);
    if (key !== undefined) props.onSelect(key);
  };
  return (
    <div class="editor-preview">
      <GraphPane model={model} definition={definition} label="Drawing of the draft" selected={selected} onSelect={select} />
    </div>
  );
}
