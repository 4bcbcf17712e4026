/** What the menu of the bar holds; the palette lists the same. */
import { copyText } from '../ui/clipboard.ts';
import { curlCommand } from '../ui/curl.ts';
import type { MenuItem } from '../ui/menu.tsx';
import { toast } from '../ui/toast.tsx';
import { formatJson } from '../form/json-format.ts';
import { exportDraft } from './export-draft.ts';
import type { EditorSession } from './session.ts';
import { subWorkflowItems } from './sub-workflows.tsx';

export interface BarActions {
  readonly publish: () => void;
  readonly publishing: boolean;
  /** Shows what publishing would change. */
  readonly review: () => void;
  /** Asks before the draft becomes the published version again. */
  readonly revert: () => void;
  readonly importFile: () => void;
  /** Asks for the name of the workflow that the selection becomes. */
  readonly extract: () => void;
}

export function barItems(session: EditorSession, actions: BarActions): readonly MenuItem[] {
  const { document } = session;
  const isForeign = document.lockReason.value !== undefined;
  const whole = (): object => ({ ...document.about.peek(), ...document.definition.peek() });
  const copy = (text: string, what: string): void => {
    void copyText(text).then((done) =>
      toast(done ? { text: `${what} is in the clipboard` } : { tone: 'failed', text: 'The browser refused to copy; take it from JSON mode by hand.' }),
    );
  };
  const curl = (): string =>
    curlCommand({ method: 'PUT', path: `api/v1/workflows/${session.workflowId}`, body: whole() }, new URL('./', window.document.baseURI));
  return [
    { label: 'Review changes…', onSelect: actions.review },
    { label: 'Copy as JSON', onSelect: () => copy(formatJson(whole()), 'The definition'), separated: true },
    { label: 'Copy as curl', onSelect: () => copy(curl(), 'The call that publishes this') },
    { label: 'Export as JSON', onSelect: () => void exportDraft(session, 'json'), separated: true },
    { label: 'Export as YAML', onSelect: () => void exportDraft(session, 'yaml') },
    { label: 'Import into this draft…', onSelect: actions.importFile, disabled: isForeign },
    ...subWorkflowItems(session, actions.extract),
    { label: 'Go back to the published version…', onSelect: actions.revert, separated: true, danger: true, disabled: isForeign },
  ];
}
