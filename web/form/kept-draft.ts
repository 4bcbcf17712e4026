/** The browser's own copy of a draft that is not stored yet: survives a crash, a closed tab and a lost connection. */

export interface DraftText {
  readonly name: string;
  readonly description: string;
  /** The definition as typed; it may be no JSON yet. */
  readonly text: string;
}

export interface KeptDraft {
  readonly draft: DraftText;
  /** The stored draft it was made from. */
  readonly etag: string | undefined;
}

const keyOf = (workflowId: string): string => `studio.draft.${workflowId}`;

/** Undefined when there is none, or when the browser keeps nothing. */
export function readKept(workflowId: string): KeptDraft | undefined {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(keyOf(workflowId)) ?? 'null');
    if (typeof value !== 'object' || value === null || !('draft' in value)) return undefined;
    const { draft, etag } = value as { readonly draft: Partial<DraftText>; readonly etag?: unknown };
    if (typeof draft.text !== 'string' || typeof draft.name !== 'string') return undefined;
    return { draft: { name: draft.name, description: draft.description ?? '', text: draft.text }, etag: typeof etag === 'string' ? etag : undefined };
  } catch {
    return undefined;
  }
}

export function keepDraft(workflowId: string, kept: KeptDraft): void {
  try {
    localStorage.setItem(keyOf(workflowId), JSON.stringify(kept));
  } catch {
    // Private windows and full stores keep nothing; the draft is still sent when typing pauses.
  }
}

export function dropKept(workflowId: string): void {
  try {
    localStorage.removeItem(keyOf(workflowId));
  } catch {
    // Nothing was kept.
  }
}
