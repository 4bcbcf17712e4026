/** Takes drafts that are saved elsewhere while nothing is typed here: two tabs show the same. With something typed the next save finds the conflict. */
import { effect, signal } from '@preact/signals';
import type { Workflow } from '../../src/contract/workflows.ts';
import { live } from '../connection.ts';
import type { Draft } from '../form/draft.ts';

/** @param take reads the stored draft and adopts it */
export function followDraft(workflow: Workflow, draft: Draft, take: () => Promise<void>): { start(): () => void } {
  const newest = signal<string | undefined>(undefined);
  return {
    start() {
      const leaveRoom = live.subscribe(
        [`workflow:${workflow.id}`],
        {
          onEvent: (event) => {
            if (event.event_type !== 'workflows:workflow:draft_saved' || event.entity_id !== workflow.id) return;
            newest.value = `"d${String((event.payload as { readonly revision?: unknown }).revision)}"`;
          },
          // Events were missed: the next save finds out.
          onReset: () => undefined,
        },
        workflow.cursor,
      );
      const leaveState = effect(() => {
        const { kind } = draft.state.value;
        // Out of reach: the next event, or the next save, asks again.
        if ((kind === 'clean' || kind === 'saved') && newest.value !== undefined && isNewer(newest.value, draft.etag())) void take().catch(() => undefined);
      });
      return () => {
        leaveState();
        leaveRoom();
      };
    },
  };
}

/** ETags of drafts count: `"d7"`. */
function isNewer(etag: string, own: string | undefined): boolean {
  const number = (text: string | undefined): number => Number(/\d+/.exec(text ?? '')?.[0] ?? 0);
  return number(etag) > number(own);
}
