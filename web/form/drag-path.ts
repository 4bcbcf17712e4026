/** How a path travels from the inspector into a field: its own media type, so that a field knows it from text that was dragged. */
export const PATH_MIME = 'application/x-studio-path';

/** What begins to be dragged: the path, and an expression for everybody else. */
export function startPathDrag(event: DragEvent, path: string): void {
  event.dataTransfer?.setData(PATH_MIME, path);
  event.dataTransfer?.setData('text/plain', `{{ ${path} }}`);
  if (event.dataTransfer !== null) event.dataTransfer.effectAllowed = 'copy';
}

/** The path that is dropped; undefined when something else is. */
export function droppedPath(event: DragEvent): string | undefined {
  const path = event.dataTransfer?.getData(PATH_MIME) ?? '';
  return path === '' ? undefined : path;
}

export function carriesPath(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes(PATH_MIME) === true;
}
