/** Toasts: what was done, with a way back where there is one; what failed stays until it is read. */
import { signal } from '@preact/signals';
import { X } from 'lucide-preact';
import { Button, IconButton } from './button.tsx';
import { StatusShape } from './status-chip.tsx';
import type { JSX } from 'preact';

export interface Toast {
  readonly text: string;
  readonly tone?: 'done' | 'failed' | 'note' | undefined;
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
}

// Long enough to read a line and reach for Undo.
const SHOWN_MS = 6_000;

interface Shown extends Toast {
  readonly id: number;
}

const toasts = signal<readonly Shown[]>([]);
let lastId = 0;

/** Shows a toast. @returns how to take it away */
export function toast(message: Toast): () => void {
  lastId += 1;
  const id = lastId;
  const dismiss = (): void => {
    toasts.value = toasts.value.filter((shown) => shown.id !== id);
  };
  toasts.value = [...toasts.value.slice(-3), { ...message, id }];
  if (message.tone !== 'failed') setTimeout(dismiss, SHOWN_MS);
  return dismiss;
}

/** Shows what went wrong with an action that has no place of its own for it. */
export function toastError(what: string, error: unknown): void {
  toast({ tone: 'failed', text: `${what}: ${error instanceof Error ? error.message : String(error)}` });
}

const toneStatus = { done: 'completed', failed: 'failed', note: 'queued' } as const;

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((shown) => (
        <div key={shown.id} class="toast">
          <StatusShape status={toneStatus[shown.tone ?? 'done']} />
          <span class="grow">{shown.text}</span>
          {shown.action !== undefined && (
            <Button
              size="small"
              onClick={() => {
                toasts.value = toasts.value.filter((one) => one.id !== shown.id);
                shown.action?.run();
              }}
            >
              {shown.action.label}
            </Button>
          )}
          <IconButton size="small" label="Dismiss" icon={<X size={14} />} onClick={() => (toasts.value = toasts.value.filter((one) => one.id !== shown.id))} />
        </div>
      ))}
    </div>
  );
}
