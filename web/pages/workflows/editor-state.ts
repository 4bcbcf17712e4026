/** State of the definition editor: text, draft, problems, publishing. The view (editor-tab.tsx) shows it. */
import { computed, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { Json } from '../../../src/contract/endpoint.ts';
import type { Definition, Problem } from '../../../src/contract/graph.ts';
import type { Workflow } from '../../../src/contract/workflows.ts';
import { ApiError, asApiError, call } from '../../api.ts';
import type { ReplyOf } from '../../../src/contract/index.ts';
import { createDraft } from '../../form/draft.ts';
import type { Draft } from '../../form/draft.ts';
import { docOf } from '../../form/json-doc.ts';
import { formatJson } from '../../form/json-format.ts';
import { dropKept, keepDraft, readKept } from '../../form/kept-draft.ts';
import type { DraftText } from '../../form/kept-draft.ts';
import { problemsOf, problemsOfDetails } from '../../form/problems.ts';
import type { EditorProblem } from '../../form/problems.ts';
import { parseJson } from '../../form/schema-fields.ts';

export type DraftView = ReplyOf<'GET /api/v1/workflows/{id}/draft'>;

export interface EditorState {
  readonly content: ReadonlySignal<DraftText>;
  readonly draft: Draft;
  readonly problems: ReadonlySignal<readonly EditorProblem[]>;
  /** The last text that is a definition: what the preview draws. */
  readonly definition: ReadonlySignal<Definition>;
  readonly checking: ReadonlySignal<boolean>;
  change(content: Partial<DraftText>): void;
  /** Publishes. @throws ApiError; 412 when someone else published meanwhile */
  publish(etag: string): Promise<Workflow>;
  start(): void;
  close(): void;
}

// The server checks when typing pauses for this long.
const CHECK_MS = 400;

export function createEditor(workflow: Workflow, view: DraftView): EditorState {
  const kept = readKept(workflow.id);
  const stored = contentOf(view, workflow);
  const content = signal<DraftText>(kept?.draft ?? stored);
  const found = signal<readonly Problem[]>(view.problems);
  const checking = signal(false);
  const definition = signal<Definition>(definitionOf(content.value.text) ?? workflow.definition);
  const problems = computed(() => problemsOf(docOf(content.value.text), found.value));
  let timer: ReturnType<typeof setTimeout> | undefined;
  let check: AbortController | undefined;

  const draft = createDraft(
    {
      save: async (text, etag) => {
        const typed = JSON.parse(text) as DraftText;
        return await call('PUT /api/v1/workflows/{id}/draft', {
          params: { id: workflow.id },
          body: { ...(typed.name.trim() === '' ? {} : { name: typed.name.trim() }), description: typed.description, definition: jsonOf(typed.text) },
          ...(etag === undefined ? {} : { ifMatch: etag }),
        });
      },
      keep: (text, etag) => keepDraft(workflow.id, { draft: JSON.parse(text) as DraftText, etag }),
      drop: () => dropKept(workflow.id),
      now: () => Date.now(),
      later: (run, delayMs) => {
        const id = setTimeout(run, delayMs);
        return () => clearTimeout(id);
      },
    },
    kept === undefined ? view.etag : kept.etag,
  );

  const validate = async (): Promise<void> => {
    check?.abort();
    const parsed = parseJson(content.value.text);
    if ('fault' in parsed) return;
    check = new AbortController();
    const mine = check;
    checking.value = true;
    try {
      const answer = await call('POST /api/v1/workflows/validate', { body: parsed.value as Definition, signal: mine.signal });
      if (!mine.signal.aborted) found.value = answer.problems;
    } catch (thrown) {
      const fault = asApiError(thrown);
      if (mine.signal.aborted) return;
      // Out of reach: the problems shown stay those of the last check.
      if (fault.status === 400 || fault.status === 413) found.value = problemsOfDetails(fault.details, fault.message);
    } finally {
      if (!mine.signal.aborted) checking.value = false;
    }
  };

  const edited = (): void => {
    definition.value = definitionOf(content.value.text) ?? definition.value;
    clearTimeout(timer);
    timer = setTimeout(() => void validate(), CHECK_MS);
  };

  return {
    content,
    draft,
    problems,
    definition,
    checking,
    change(part) {
      content.value = { ...content.value, ...part };
      draft.type(JSON.stringify(content.value));
      if (part.text !== undefined) edited();
    },
    async publish(etag) {
      const parsed = parseJson(content.value.text);
      if ('fault' in parsed) throw new ApiError({ status: 422, code: 'invalid_graph', message: 'The text is no JSON yet; the problems below say where.' });
      await draft.flush();
      try {
        const published = await call('PUT /api/v1/workflows/{id}', {
          params: { id: workflow.id },
          body: { name: content.value.name.trim(), description: content.value.description, ...(parsed.value as Definition) },
          ifMatch: etag,
        });
        const fresh = await call('GET /api/v1/workflows/{id}/draft', { params: { id: workflow.id } });
        draft.adopt(fresh.etag);
        return published;
      } catch (thrown) {
        const fault = asApiError(thrown);
        if (fault.code === 'invalid_graph' || fault.code === 'invalid_body') found.value = problemsOfDetails(fault.details, fault.message);
        throw fault;
      }
    },
    start() {
      if (kept !== undefined) draft.type(JSON.stringify(kept.draft));
      edited();
    },
    close() {
      clearTimeout(timer);
      check?.abort();
      // What is typed is in the browser already; this spares the next visit the question.
      void draft.flush().finally(() => draft.stop());
    },
  };
}

/** What a stored draft shows: a definition laid out, or the text as it was typed when it is no JSON. */
export function contentOf(view: DraftView, workflow: Workflow): DraftText {
  const { draft } = view;
  const text = typeof draft.definition === 'string' ? draft.definition : formatJson(draft.definition ?? workflow.definition);
  return { name: draft.name ?? workflow.name, description: draft.description ?? workflow.description, text };
}

/** Text that is no JSON is stored as text. */
function jsonOf(text: string): Json {
  const parsed = parseJson(text);
  return 'fault' in parsed ? text : (parsed.value as Json);
}

/** The definition that a text holds, when it can be drawn. */
export function definitionOf(text: string): Definition | undefined {
  const parsed = parseJson(text);
  if ('fault' in parsed || typeof parsed.value !== 'object' || parsed.value === null) return undefined;
  const { nodes, edges } = parsed.value as { readonly nodes?: unknown; readonly edges?: unknown };
  if (!Array.isArray(nodes) || !nodes.every((node) => hasText(node, 'key') && hasText(node, 'type'))) return undefined;
  if (new Set(nodes.map((node: { key: string }) => node.key)).size !== nodes.length) return undefined;
  const links = Array.isArray(edges) ? edges.filter((edge) => hasText(edge, 'from') && hasText(edge, 'to')) : [];
  return { ...(parsed.value as Definition), nodes, edges: links };
}

function hasText(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && typeof (value as Readonly<Record<string, unknown>>)[name] === 'string';
}
