/** Copy, cut, paste and duplicate on the canvas, through the browser's own clipboard events: they need no permission, and work over plain http. */
import { useEffect } from 'preact/hooks';
import { copyText as writeClipboard } from '../../ui/clipboard.ts';
import { toast } from '../../ui/toast.tsx';
import { copyText, duplicate, paste } from '../operations/clipboard.ts';
import { placed } from '../operations/arrange.ts';
import { removeItems } from '../operations/nodes.ts';
import type { Graph } from '../scope.ts';
import type { Canvas } from './canvas-state.ts';
import { GRID } from './places.ts';

/** The selection as text; undefined when nothing that can be copied is selected. */
function selectedText(canvas: Canvas): string | undefined {
  return copyText(placed(canvas.doc.graph.peek(), canvas.types), canvas.doc.selection.peek());
}

/** Copies the selection, from the palette or a menu. */
export async function copySelected(canvas: Canvas): Promise<void> {
  const text = selectedText(canvas);
  if (text === undefined) return;
  const done = await writeClipboard(text);
  toast(done ? { text: 'Copied as JSON text' } : { tone: 'failed', text: 'The browser did not allow copying; press Ctrl C on the canvas' });
}

export function duplicateSelected(canvas: Canvas): void {
  const before = canvas.doc.graph.peek();
  const taken = canvas.doc.keys.peek();
  addAndSelect(canvas, 'Duplicate', before, (graph) => duplicate(graph, canvas.doc.selection.peek(), taken));
}

/** Pastes text at the pointer, else in the middle of what is in sight. Text that is no nodes is refused in words. */
export function pasteText(canvas: Canvas, text: string): void {
  const before = canvas.doc.graph.peek();
  const at = canvas.view.current?.pointer() ?? canvas.view.current?.middle() ?? { x: 0, y: 0 };
  const corner = { x: Math.round(at.x / GRID) * GRID, y: Math.round(at.y / GRID) * GRID };
  const taken = canvas.doc.keys.peek();
  const read = paste(before, text, { taken, at: corner });
  if ('fault' in read) {
    canvas.notice.value = read.fault;
    return;
  }
  addAndSelect(canvas, 'Paste', before, (graph) => {
    const pasted = paste(graph, text, { taken, at: corner });
    return 'fault' in pasted ? graph : pasted.graph;
  });
}

/** Pastes where no event brought the text: asks the browser for it. */
export async function pasteFromClipboard(canvas: Canvas): Promise<void> {
  try {
    pasteText(canvas, await navigator.clipboard.readText());
  } catch {
    canvas.notice.value = 'The browser gives the clipboard only to Ctrl V; press it on the canvas.';
  }
}

function addAndSelect(canvas: Canvas, label: string, before: Graph, edit: (graph: Graph) => Graph): void {
  canvas.change(label, edit);
  const after = canvas.doc.graph.peek();
  const keys = new Set(before.nodes.map((node) => node.key));
  const ids = new Set(before.comments.map((comment) => comment.id));
  const nodes = after.nodes.map((node) => node.key).filter((key) => !keys.has(key));
  const comments = after.comments.map((comment) => comment.id).filter((id) => !ids.has(id));
  if (nodes.length + comments.length === 0) return;
  canvas.doc.select({ nodes: new Set(nodes), comments: new Set(comments) });
  canvas.view.current?.reveal([...nodes, ...comments], { focus: true });
}

/** Listens to the browser's copy, cut and paste while the canvas has the focus. */
export function useClipboard(canvas: Canvas, hasFocus: () => boolean): void {
  useEffect(() => {
    const copied = (event: ClipboardEvent): void => {
      if (!hasFocus() || document.getSelection()?.isCollapsed === false) return;
      const text = selectedText(canvas);
      if (text === undefined) return;
      event.clipboardData?.setData('text/plain', text);
      event.preventDefault();
      if (event.type !== 'cut') return;
      const selection = canvas.doc.selection.peek();
      canvas.change('Cut', (graph) => removeItems(graph, selection));
    };
    const pasted = (event: ClipboardEvent): void => {
      if (!hasFocus()) return;
      event.preventDefault();
      pasteText(canvas, event.clipboardData?.getData('text/plain') ?? '');
    };
    document.addEventListener('copy', copied);
    document.addEventListener('cut', copied);
    document.addEventListener('paste', pasted);
    return () => {
      document.removeEventListener('copy', copied);
      document.removeEventListener('cut', copied);
      document.removeEventListener('paste', pasted);
    };
  }, [canvas]);
}
