/** Fields take paths that are dragged out of the inspector. */
import { carriesPath, droppedPath } from './drag-path.ts';
import { useFormTools } from './form-context.ts';

/** A path that is dropped here makes the text an expression. */
export function usePathDrop(
  value: unknown,
  onChange: (value: string) => void,
): { readonly onDragOver: (event: DragEvent) => void; readonly onDrop: (event: DragEvent) => void } {
  const { hasExpressions } = useFormTools();
  return {
    onDragOver(event) {
      if (hasExpressions && carriesPath(event)) event.preventDefault();
    },
    onDrop(event) {
      const path = droppedPath(event);
      if (path === undefined || !hasExpressions) return;
      event.preventDefault();
      onChange(`${typeof value === 'string' ? value : ''}{{ ${path} }}`);
    },
  };
}
