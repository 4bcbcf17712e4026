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

const openOf = (workflowId: string): string => `studio.editor.${workflowId}.`;

/** Says good-bye for editors of this browser that are gone without a word (a crash), so that their pen is free.
 *  @returns the copies among `kept` that nobody types in any more */
export async function leaveGoneEditors(workflowId: string, own: string, kept: readonly KeptDraft[]): Promise<readonly KeptDraft[]> {
  const known = new Set([...kept.map((each) => each.editor), ...remembered(workflowId)]);
  known.delete(own);
  if (known.size === 0) return [];
  const open = await openEditors();
  const gone = [...known].filter((editor) => !open.has(editor));
  await Promise.allSettled(gone.map(async (editor) => await call('DELETE /api/v1/workflows/{id}/editors', { params: { id: workflowId }, query: { editor } })));
  for (const editor of gone) forgetEditor(workflowId, editor);
  return kept.filter((each) => gone.includes(each.editor));
}

/** Until `forgetEditor` the next editor asks whether this one is still there. */
export function rememberEditor(workflowId: string, editor: string): void {
  try {
    localStorage.setItem(`${openOf(workflowId)}${editor}`, '');
  } catch {
    // The lease ends by itself.
  }
}

export function forgetEditor(workflowId: string, editor: string): void {
  try {
    localStorage.removeItem(`${openOf(workflowId)}${editor}`);
  } catch {
    // Nothing was remembered.
  }
}

function remembered(workflowId: string): readonly string[] {
  try {
    return Object.keys(localStorage).flatMap((key) => (key.startsWith(openOf(workflowId)) ? [key.slice(openOf(workflowId).length)] : []));
  } catch {
    return [];
  }
}
