/** The draft as a file. The server writes it (YAML too), so what is not stored yet is stored first. */
import { urlOf } from '../api.ts';
import { toast } from '../ui/toast.tsx';
import type { EditorSession } from './session.ts';

export async function exportDraft(session: EditorSession, format: 'json' | 'yaml'): Promise<void> {
  const { document, draft, workflowId } = session;
  if (document.locked.value !== undefined && document.lockReason.value === undefined) {
    toast({ tone: 'failed', text: `There is nothing to export yet. ${document.locked.value}` });
    return;
  }
  await draft.flush();
  const isStored = draft.state.value.kind === 'clean' || draft.state.value.kind === 'saved';
  if (!isStored) {
    toast({ tone: 'failed', text: 'The draft is not stored yet, so the file would be an old one. Copy as JSON takes what is on the screen.' });
    return;
  }
  const version = session.hasDraft() ? { version: 'draft' } : {};
  const link = Object.assign(window.document.createElement('a'), {
    href: urlOf('/api/v1/workflows/{id}/export', { id: workflowId }, { format, ...version }).href,
  });
  link.download = '';
  link.click();
}
