/** Who has this workflow's editor open, and who holds the pen. Advisory: it locks the document here while another holds the pen; what protects
 *  the draft is its ETag. Out of reach, everything stays as it was. */
import { computed, effect, signal, untracked } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { Editor, EditorsPayload } from '../../src/contract/editors.ts';
import { call } from '../api.ts';
import { live } from '../connection.ts';
import { me } from '../session.ts';
import { forgetEditor, rememberEditor } from './open-editors.ts';

export interface Presence {
  readonly others: ReadonlySignal<readonly Editor[]>;
  /** Why nothing can be changed here now, in words; undefined: this one has the pen, or nobody knows. */
  readonly reason: ReadonlySignal<string | undefined>;
  /** The pen was here and somebody took it: their name, until it is read. */
  readonly takenBy: ReadonlySignal<string | undefined>;
  takePen(): Promise<void>;
  /** Resolves with the first answer, or when none came. */
  start(): Promise<void>;
  close(): void;
}

/** @param input `onTaken`: the pen went from here; what is typed is stored now */
export function createPresence(input: { readonly workflowId: string; readonly editor: string; readonly onTaken: () => void }): Presence {
  const { workflowId, editor } = input;
  const editors = signal<readonly Editor[]>([]);
  const takenBy = signal<string | undefined>(undefined);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let leave: readonly (() => void)[] = [];
  let isOpen = false;

  const show = (shown: readonly Editor[]): void => {
    const had = editors.value.find((each) => each.id === editor)?.hasPen === true;
    const has = shown.find((each) => each.id === editor)?.hasPen === true;
    if (had && !has) input.onTaken();
    editors.value = shown;
    if (has) takenBy.value = undefined;
  };
  const keep = async (pen: 'keep' | 'take'): Promise<void> => {
    clearTimeout(timer);
    let leaseS = 30;
    try {
      const answer = await call('PUT /api/v1/workflows/{id}/editors', { params: { id: workflowId }, body: { editor, pen } });
      if (!isOpen) return;
      leaseS = answer.leaseS;
      show(answer.editors);
    } finally {
      if (isOpen) timer = setTimeout(() => void keep('keep').catch(() => undefined), (leaseS / 3) * 1_000);
    }
  };

  return {
    others: computed(() => editors.value.filter((each) => each.id !== editor)),
    reason: computed(() => {
      const own = editors.value.find((each) => each.id === editor);
      if (own === undefined || own.hasPen) return undefined;
      const holder = editors.value.find((each) => each.hasPen);
      if (holder === undefined) return 'Nobody edits this workflow now.';
      return `${nameOf(holder)} edits this workflow.`;
    }),
    takenBy,
    takePen: async () => await keep('take'),
    async start() {
      isOpen = true;
      rememberEditor(workflowId, editor);
      const unsubscribe = live.subscribe([`workflow:${workflowId}`], {
        onEvent: (event) => {
          if (event.event_type !== 'workflows:editors:changed' || event.entity_id !== workflowId) return;
          const { editors: shown, takenFrom } = event.payload as unknown as EditorsPayload;
          show(shown);
          const holder = shown.find((each) => each.hasPen);
          if (takenFrom === editor && holder !== undefined && holder.id !== editor) takenBy.value = nameOf(holder);
        },
        onReset: () => void keep('keep').catch(() => undefined),
      });
      window.addEventListener('pagehide', goodbye);
      let isFirst = true;
      const watch = effect(() => {
        // Back in reach: the others see at once that this editor is still here.
        if (live.state.value.kind === 'live' && !isFirst) untracked(() => void keep('keep').catch(() => undefined));
        isFirst = false;
      });
      leave = [unsubscribe, watch];
      await keep('keep').catch(() => undefined);
    },
    close() {
      isOpen = false;
      clearTimeout(timer);
      for (const each of leave) each();
      window.removeEventListener('pagehide', goodbye);
      forgetEditor(workflowId, editor);
      void call('DELETE /api/v1/workflows/{id}/editors', { params: { id: workflowId }, query: { editor } }).catch(() => undefined);
    },
  };

  /** A tab that closes says so; one that crashes is found out by its lease. */
  function goodbye(): void {
    forgetEditor(workflowId, editor);
    void call('DELETE /api/v1/workflows/{id}/editors', { params: { id: workflowId }, query: { editor }, keepalive: true }).catch(() => undefined);
  }
}

/** The same person in two tabs is told apart from two people. */
export function nameOf(editor: Pick<Editor, 'userId' | 'name'>): string {
  return editor.userId === me.value?.id ? 'You, in another tab,' : editor.name;
}
