/** The editor of a workflow: its bar, the palette of types, the canvas or the JSON, the pane of what is selected, and what is wrong.
 *  Lays the parts out and joins them; each part owns what it does. */
import { useComputed, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Problem } from '../../src/contract/graph.ts';
import type { Workflow } from '../../src/contract/workflows.ts';
import { call } from '../api.ts';
import { useParam } from '../route.ts';
import { useOwned } from '../state/use-owned.ts';
import { useResource } from '../state/resource.ts';
import { nodeTypes } from '../state/node-types.ts';
import { useCommands } from '../shell/commands.ts';
import { isNarrow } from '../ui/narrow.ts';
import { View } from '../ui/views.tsx';
import { CanvasPane } from './canvas/canvas.tsx';
import { createCanvas } from './canvas/canvas-state.ts';
import type { Canvas } from './canvas/canvas-state.ts';
import { TypePalette } from './canvas/palette.tsx';
import { SeveralPane } from './canvas/several-pane.tsx';
import { showNode } from './canvas/problems.ts';
import { createCardResults } from './card-results.ts';
import { EdgePane } from './edge-pane.tsx';
import { EditorTop } from './editor-top.tsx';
import { JsonMode } from './json-mode.tsx';
import { createLastRun } from './last-run.ts';
import type { LastRun } from './last-run.ts';
import { RightPane } from './pane/right-pane.tsx';
import { ProblemsPanel } from './problems-panel.tsx';
import { problemsByCard } from './problem-places.ts';
import { edgeIdOf, scopeOfKey } from './scope.ts';
import { createSession } from './session.ts';
import type { DraftView, EditorSession } from './session.ts';
import { showProblem } from './show-problem.ts';
import { createTests } from './tests.ts';
import type { Tests } from './tests.ts';

export interface EditorTabProps {
  readonly workflow: Workflow;
  readonly onPublished: () => void;
}

export function EditorTab(props: EditorTabProps): JSX.Element {
  const { workflow } = props;
  const loaded = useResource(
    async (signal) => {
      const [view, types] = await Promise.all([call('GET /api/v1/workflows/{id}/draft', { params: { id: workflow.id }, signal }), nodeTypes()]);
      return { view, knowledge: { types, secrets: await secretNames(signal) } };
    },
    [workflow.id],
  );
  return (
    <View of={loaded} what="the draft">
      {(parts) => <Editor {...props} {...parts} />}
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

function Editor(props: EditorTabProps & { readonly view: DraftView; readonly knowledge: EditorSession['knowledge'] }): JSX.Element {
  const { workflow } = props;
  const session = useOwned(() => createSession(props), [workflow.id]);
  const pane = useRef<HTMLElement>(null);
  const lastRun = useOwned(() => createLastRun(session.document, workflow.id), [session]);
  const canvas = useCanvasOf(session, lastRun, () => focusFirst(pane.current));
  const tests = useMemo(() => createTests(session.document, lastRun), [lastRun]);
  useFound(session, canvas);
  useRegions();
  const isText = session.mode.value === 'json';
  return (
    <div class="editor">
      <EditorTop session={session} workflow={workflow} onPublished={props.onPublished} onTest={() => tests.run({ kind: 'all' })} testing={lastRun.busy.value} />
      <div class="editor-parts">
        {!isNarrow.value && !isText && <TypePalette canvas={canvas} />}
        <div class="editor-middle">
          {isText ? <JsonMode session={session} /> : <CanvasPane canvas={canvas} />}
          <ProblemsPanel problems={session.problems.value} checking={session.checking.value} onShow={(problem) => showProblem(session, problem)} />
        </div>
        <aside
          ref={pane}
          class={hasSelection(session) ? 'editor-pane' : 'editor-pane editor-pane-idle'}
          aria-label="What is selected"
          onKeyDown={(event) => {
            if (event.key === 'Escape' && !event.defaultPrevented) canvas.view.current?.focus();
          }}
        >
          <Selected canvas={canvas} session={session} workflow={workflow} lastRun={lastRun} tests={tests} />
        </aside>
      </div>
    </div>
  );
}

/** The canvas over the session's document. */
function useCanvasOf(session: EditorSession, lastRun: LastRun, openForm: () => void): Canvas {
  const { document } = session;
  const cardResults = useMemo(createCardResults, [lastRun]);
  const results = useComputed(() => cardResults(lastRun.results.value));
  const problems = useComputed(() => problemsByCard(document.definition.value, document.scope.value, session.problems.value));
  const latest = useRef(openForm);
  latest.current = openForm;
  return useMemo(
    () =>
      createCanvas({
        doc: document,
        types: session.knowledge.types,
        results,
        problems,
        isNarrow,
        openForm: () => latest.current(),
        extract: () => (session.isExtracting.value = true),
      }),
    [session],
  );
}

/** Brings what is asked for into sight: a problem, or the node that the address names. */
function useFound(session: EditorSession, canvas: Canvas): void {
  const [find] = useParam('find');
  const show = (key: string): void => {
    const scope = scopeOfKey(session.document.definition.peek(), key);
    if (scope === undefined) return;
    if (scope.join('.') !== session.document.scope.peek().join('.')) session.document.open(scope);
    // The other graph is drawn first.
    requestAnimationFrame(() => showNode(canvas, key));
  };
  useSignalEffect(() => {
    const problem: Problem | undefined = session.shown.value;
    if (problem?.node === undefined || session.mode.value !== 'canvas') return;
    session.shown.value = undefined;
    show(problem.node);
  });
  useEffect(() => {
    if (find !== '') show(find);
  }, [find]);
}

interface SelectedProps {
  readonly canvas: Canvas;
  readonly session: EditorSession;
  readonly workflow: Workflow;
  readonly lastRun: LastRun;
  readonly tests: Tests;
}

function Selected(props: SelectedProps): JSX.Element {
  const { canvas, session } = props;
  const { document } = session;
  const { nodes, edges } = document.selection.value;
  const edge = document.graph.value.edges.find((each) => edges.has(edgeIdOf(each)));
  const { types, secrets } = session.knowledge;
  const { workflow, lastRun, tests } = props;
  const pane = { document, workflow, types, secrets, lastRun, tests, problems: session.problems };
  if (edge !== undefined && edges.size === 1 && nodes.size === 0) return <EdgePane key={edgeIdOf(edge)} canvas={canvas} edge={edge} {...pane} />;
  return <RightPane {...pane} several={<SeveralPane canvas={canvas} />} />;
}

function hasSelection({ document }: EditorSession): boolean {
  const { nodes, edges } = document.selection.value;
  return nodes.size + edges.size > 0;
}

// In the order in which one works through them.
const REGIONS = ['.editor-bar', '.type-palette', '.canvas-pane, .editor-json', '.editor-pane', '.editor-problems'];

/** F6 goes from part to part: Tab alone would walk through all that is in one. */
function useRegions(): void {
  const go = (by: 1 | -1): void => {
    const parts = REGIONS.flatMap((name) => [...window.document.querySelectorAll<HTMLElement>(name)]);
    const at = parts.findIndex((part) => part.contains(window.document.activeElement));
    const next = parts[(at + by + parts.length) % parts.length];
    if (next?.tabIndex === 0) next.focus();
    else focusFirst(next ?? null);
  };
  useCommands([
    { id: 'editor-next-part', title: 'Next part of the editor', group: 'Editor', keys: 'f6', run: () => go(1) },
    { id: 'editor-previous-part', title: 'Previous part of the editor', group: 'Editor', keys: 'shift+f6', run: () => go(-1) },
  ]);
}

function focusFirst(pane: HTMLElement | null): void {
  pane
    ?.querySelector<HTMLElement>('input:not([disabled]), textarea:not([disabled]), select:not([disabled]), [contenteditable=true], button:not([disabled])')
    ?.focus();
}
