/** Which editors are open in this browser, so that what a crashed or closed one left is told from what another tab is typing.
 *  Asks over a BroadcastChannel: an editor that is there answers. */

import { call } from '../api.ts';
import type { KeptDraft } from '../form/kept-draft.ts';

const CHANNEL = 'studio.editors';
// A tab in the background answers as well; one that the browser has frozen does not, and its copy is then shown twice rather than lost.
const ANSWER_MS = 200;

/** Answers for this editor until the returned function is called. */
export function answerAs(editor: string): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = (message: MessageEvent<unknown>) => {
    if (message.data === 'who') channel.postMessage({ editor });
  };
  return () => channel.close();
}

/** The editors that answer. */
async function openEditors(): Promise<ReadonlySet<string>> {
  const channel = new BroadcastChannel(CHANNEL);
  const found = new Set<string>();
  channel.onmessage = (message: MessageEvent<unknown>) => {
    const { data } = message;
    if (typeof data === 'object' && data !== null && 'editor' in data && typeof data.editor === 'string') found.add(data.editor);
  };
  channel.postMessage('who');
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  channel.close();
  return found;
}

const lastOf = (workflowId: string): string => `studio.editor.${workflowId}`;

/** Says good-bye for editors of this browser that are gone without a word (a crash), so that their pen is free. Remembers this one for the next.
 *  @returns the copies among `kept` that nobody types in any more */
export async function leaveGoneEditors(workflowId: string, own: string, kept: readonly KeptDraft[]): Promise<readonly KeptDraft[]> {
  const last = remember(workflowId, own);
  const known = new Set([...kept.map((each) => each.editor), ...(last === null ? [] : [last])]);
  if (known.size === 0) return [];
  const open = await openEditors();
  const gone = [...known].filter((editor) => editor !== own && !open.has(editor));
  await Promise.allSettled(gone.map(async (editor) => await call('DELETE /api/v1/workflows/{id}/editors', { params: { id: workflowId }, query: { editor } })));
  return kept.filter((each) => gone.includes(each.editor));
}

/** The editor that this tab had open before, if any. */
function remember(workflowId: string, own: string): string | null {
  try {
    const last = sessionStorage.getItem(lastOf(workflowId));
    sessionStorage.setItem(lastOf(workflowId), own);
    return last;
  } catch {
    return null;
  }
}
