/** The input of a workflow's last test in this browser: nobody types it twice. */
import type { Json } from '../../src/contract/endpoint.ts';

const keyOf = (workflowId: string): string => `studio.test-input.${workflowId}`;
// A larger one is no help in a form.
const MAX_CHARS = 256 * 1024;

export function readLastInput(workflowId: string): Json | undefined {
  try {
    const text = localStorage.getItem(keyOf(workflowId));
    return text === null ? undefined : (JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
}

export function writeLastInput(workflowId: string, input: Json): void {
  try {
    const text = JSON.stringify(input);
    if (text.length <= MAX_CHARS) localStorage.setItem(keyOf(workflowId), text);
  } catch {
    // Private windows and full stores keep nothing.
  }
}
