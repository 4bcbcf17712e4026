/** One open editor: the document, its draft on the server and in this browser, its problems, publishing. The views show it.
 *  One thing to know: every change goes document → draft; what comes from the server (a draft saved elsewhere, a choice after a conflict)
 *  becomes a step of the history, so that undo brings back whatever it replaced. */
import { computed, effect, signal, untracked } from '@preact/signals';
import type { ReadonlySignal, Signal } from '@preact/signals';
import type { Json } from '../../src/contract/endpoint.ts';
import type { Problem } from '../../src/contract/graph.ts';
import type { ReplyOf } from '../../src/contract/index.ts';
import type { Workflow } from '../../src/contract/workflows.ts';
import { ApiError, asApiError, call, randomKey } from '../api.ts';
import { live } from '../connection.ts';
import type { Knowledge } from '../form/completion.ts';
import { createDraft } from '../form/draft.ts';
import type { Draft } from '../form/draft.ts';
import { formatJson } from '../form/json-format.ts';
import { dropKept, keepDraft, readKept } from '../form/kept-draft.ts';
import type { DraftText, KeptDraft } from '../form/kept-draft.ts';
import { createChecks } from './checks.ts';
import { createDocument } from './document.ts';
import type { EditorDocument } from './document.ts';
import { followDraft } from './follow-draft.ts';
import { inOrder } from './key-order.ts';
import { answerAs, leaveGoneEditors } from './open-editors.ts';
import { createPresence } from './presence.ts';
import type { Presence } from './presence.ts';
import { readDefinition } from './read-definition.ts';
import { createTyping } from './typing.ts';

export type DraftView = ReplyOf<'GET /api/v1/workflows/{id}/draft'>;

export interface EditorSession {
  /** Made up here: names this editor among those of the workflow. */
  readonly id: string;
  readonly workflowId: string;
  readonly document: EditorDocument;
  readonly draft: Draft;
  readonly presence: Presence;
  /** Whether the server has one that is not published. */
  readonly hasDraft: () => boolean;
  readonly knowledge: Knowledge;
  /** A fault of the text alone, or what the server found. */
  readonly problems: ReadonlySignal<readonly Problem[]>;
  readonly checking: ReadonlySignal<boolean>;
  readonly mode: Signal<'canvas' | 'json'>;
  /** The text that JSON mode shows. */
  readonly text: ReadonlySignal<string>;
  /** A problem to bring into sight; who shows it takes it away. */
  readonly shown: Signal<Problem | undefined>;
  /** Whether the name of the workflow that the selection becomes is asked for. */
  readonly isExtracting: Signal<boolean>;
  /** Copies that editors which are gone left in this browser, and that are not brought back yet. */
  readonly kept: ReadonlySignal<readonly KeptDraft[]>;
  bringBack(kept: KeptDraft): void;
  discard(kept: KeptDraft): void;
  takeTheirs(): Promise<void>;
  keepMine(): Promise<void>;
  /** @throws ApiError; 412 when someone else published meanwhile */
  publish(etag: string): Promise<Workflow>;
  start(): void;
  close(): void;
}

export function createSession(input: { readonly workflow: Workflow; readonly view: DraftView; readonly knowledge: Knowledge }): EditorSession {
  const { workflow, view, knowledge } = input;
  const workflowId = workflow.id;
  const id = `ed_${randomKey()}`;
  const stored = storedText(view, workflow);
  const document = createDocument(workflow.definition, { about: { name: stored.name, description: stored.description }, text: stored.text });
  const checks = createChecks(view.problems);
  const kept = signal<readonly KeptDraft[]>([]);
  let hasDraft = view.savedAt !== null;
  const text = computed(() => document.text.value ?? formatJson(document.definition.value));
  const draft = createDraft(
    {
      save: async (typed, etag) => {
        const saved = await saveDraft(workflowId, JSON.parse(typed) as DraftText, etag);
        hasDraft = true;
        return saved;
      },
      keep: (typed, etag) => keepDraft(workflowId, { editor: id, draft: JSON.parse(typed) as DraftText, etag, at: Date.now() }),
      drop: () => dropKept(workflowId, id),
      now: () => Date.now(),
      later: (run, delayMs) => {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
    },
    view.etag,
  );
  const typing = createTyping(() => draft.type(draftTextOf(document)));
  const store = (): void => {
    typing.now();
    void draft.flush();
  };
  const presence = createPresence({ workflowId, editor: id, onTaken: store });

  /** What is stored now, as one step. */
  const adoptStored = async (label: string): Promise<string> => {
    const stored = await call('GET /api/v1/workflows/{id}/draft', { params: { id: workflowId } });
    document.replace(label, storedText(stored, workflow));
    typing.cancel();
    return stored.etag;
  };
  const follower = followDraft(workflow, draft, async () => draft.adopt(await adoptStored('Take what was saved elsewhere')));
  let leave: readonly (() => void)[] = [];
  let isClosed = false;
  /** Takes over from editors of this browser that are gone: their pen, and what they could not store. */
  const comeBack = async (): Promise<void> => {
    const found = await leaveGoneEditors(workflowId, id, readKept(workflowId));
    if (isClosed) return;
    await presence.start();
    const [newest, ...others] = found;
    kept.value = found;
    // Nobody saved since, and nobody else edits: it goes on where it stopped.
    const goesOn = newest !== undefined && newest.etag === draft.etag() && document.lockReason.value === undefined && document.canUndo.value === undefined;
    if (!goesOn) return;
    document.replace('Bring back what was not saved', newest.draft);
    typing.now();
    dropKept(workflowId, newest.editor);
    kept.value = others;
  };

  return {
    id,
    workflowId,
    document,
    draft,
    presence,
    hasDraft: () => hasDraft,
    knowledge,
    problems: computed(() => {
      const { value: typed } = document.text;
      const read = typed === undefined ? undefined : readDefinition(typed);
      return read !== undefined && 'fault' in read ? [{ path: '', code: 'syntax', message: read.fault }] : checks.problems.value;
    }),
    checking: checks.checking,
    mode: signal<'canvas' | 'json'>('canvas'),
    text,
    shown: signal<Problem | undefined>(undefined),
    isExtracting: signal(false),
    kept,
    bringBack(copy) {
      document.replace('Bring back what was not saved', copy.draft);
      typing.now();
      dropKept(workflowId, copy.editor);
      kept.value = kept.value.filter((each) => each !== copy);
    },
    discard(copy) {
      dropKept(workflowId, copy.editor);
      kept.value = kept.value.filter((each) => each !== copy);
    },
    async takeTheirs() {
      draft.adopt(await adoptStored('Take theirs'));
    },
    async keepMine() {
      const mine = JSON.parse(draftTextOf(document)) as DraftText;
      const etag = await adoptStored('Theirs, as it was');
      document.replace('Keep mine', mine);
      typing.now();
      await draft.keepMine(etag);
    },
    async publish(etag) {
      const about = document.about.value;
      if (document.locked.value !== undefined) throw new ApiError({ status: 422, code: 'invalid_graph', message: document.locked.value });
      typing.now();
      await draft.flush();
      try {
        const published = await call('PUT /api/v1/workflows/{id}', {
          params: { id: workflowId },
          body: { name: about.name.trim(), description: about.description, ...document.definition.value },
          ifMatch: etag,
        });
        const fresh = await call('GET /api/v1/workflows/{id}/draft', { params: { id: workflowId } });
        draft.adopt(fresh.etag);
        hasDraft = fresh.savedAt !== null;
        return published;
      } catch (thrown) {
        const fault = asApiError(thrown);
        if (fault.code === 'invalid_graph' || fault.code === 'invalid_body') checks.told(fault.details, fault.message);
        throw fault;
      }
    },
    start() {
      const resting = (): void => typing.now();
      window.addEventListener('pagehide', resting);
      window.document.addEventListener('visibilitychange', resting);
      leave = [
        onChange(document, () => typing.changed()),
        effect(() => {
          const { value: definition } = document.definition;
          untracked(() => checks.changed(definition));
        }),
        effect(() => {
          // Back in reach: what could not be sent need not wait for its next try.
          if (live.state.value.kind === 'live' && draft.state.peek().kind === 'offline') void draft.flush();
        }),
        answerAs(id),
        effect(() => {
          const { value: reason } = presence.reason;
          untracked(() => document.lock(reason));
        }),
        follower.start(),
        () => presence.close(),
        () => window.removeEventListener('pagehide', resting),
        () => window.document.removeEventListener('visibilitychange', resting),
      ];
      void comeBack();
    },
    close() {
      isClosed = true;
      typing.now();
      for (const each of leave.toReversed()) each();
      checks.stop();
      // What is typed is in the browser already; this spares the next visit the question.
      void draft.flush().finally(() => draft.stop());
    },
  };
}

/** Calls back at each change of the document, not at first. */
function onChange(document: EditorDocument, changed: () => void): () => void {
  let isFirst = true;
  return effect(() => {
    void document.definition.value;
    void document.about.value;
    void document.text.value;
    if (!isFirst) untracked(changed);
    isFirst = false;
  });
}

async function saveDraft(workflowId: string, typed: DraftText, etag: string | undefined): Promise<{ readonly etag: string }> {
  const name = typed.name.trim();
  return await call('PUT /api/v1/workflows/{id}/draft', {
    params: { id: workflowId },
    body: { ...(name === '' ? {} : { name }), description: typed.description, definition: jsonOf(typed.text) },
    ...(etag === undefined ? {} : { ifMatch: etag }),
  });
}

/** What the document says now, as it is kept. */
function draftTextOf(document: EditorDocument): string {
  const { name, description } = document.about.peek();
  return JSON.stringify({ name, description, text: document.text.peek() ?? JSON.stringify(document.definition.peek()) } satisfies DraftText);
}

function storedText({ draft }: DraftView, workflow: Workflow): DraftText {
  const { definition } = draft;
  const text = typeof definition === 'string' ? definition : JSON.stringify(inOrder(definition ?? workflow.definition));
  return { name: draft.name ?? workflow.name, description: draft.description ?? workflow.description, text };
}

/** Text that is no JSON is stored as text. */
function jsonOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
