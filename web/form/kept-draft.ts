/** The browser's own copies of drafts that are not stored yet: they survive a crash, a closed tab and a lost connection.
 *  One copy per open editor, so that two tabs never write over each other; a copy whose editor is gone waits for the next one to find it. */

export interface DraftText {
  readonly name: string;
  readonly description: string;
  /** The definition as typed; it may be no JSON yet. */
  readonly text: string;
}

export interface KeptDraft {
  /** Of the editor it was typed in. */
  readonly editor: string;
  readonly draft: DraftText;
  /** The stored draft it was made from. */
  readonly etag: string | undefined;
  /** When it was typed, ms of the epoch. */
  readonly at: number;
}

const prefixOf = (workflowId: string): string => `studio.draft.${workflowId}.`;

/** Every copy of a workflow's draft, the newest first. Empty when the browser keeps nothing. */
export function readKept(workflowId: string): readonly KeptDraft[] {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(prefixOf(workflowId)))
      .flatMap((key) => parsed(key.slice(prefixOf(workflowId).length), localStorage.getItem(key)))
      .toSorted((a, b) => b.at - a.at);
  } catch {
    return [];
  }
}

function parsed(editor: string, text: string | null): readonly KeptDraft[] {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    if (typeof value !== 'object' || value === null || !('draft' in value)) return [];
    const { draft, etag, at } = value as { readonly draft: Partial<DraftText>; readonly etag?: unknown; readonly at?: unknown };
    if (typeof draft.text !== 'string' || typeof draft.name !== 'string') return [];
    return [
      {
        editor,
        draft: { name: draft.name, description: draft.description ?? '', text: draft.text },
        etag: typeof etag === 'string' ? etag : undefined,
        at: typeof at === 'number' ? at : 0,
      },
    ];
  } catch {
    return [];
  }
}

export function keepDraft(workflowId: string, { editor, ...kept }: KeptDraft): void {
  try {
    localStorage.setItem(`${prefixOf(workflowId)}${editor}`, JSON.stringify(kept));
  } catch {
    // Private windows and full stores keep nothing; the draft is still sent when typing pauses.
  }
}

export function dropKept(workflowId: string, editor: string): void {
  try {
    localStorage.removeItem(`${prefixOf(workflowId)}${editor}`);
  } catch {
    // Nothing was kept.
  }
}
