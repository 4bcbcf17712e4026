/** A place to drop files on, and a button that picks them for those who can't drag. */
import { Upload } from 'lucide-preact';
import { useRef, useState } from 'preact/hooks';
import { Button } from './button.tsx';
import type { ComponentChildren, JSX } from 'preact';

/** Wraps a view: dropping files anywhere on it hands them on. */
export function DropZone(props: {
  readonly onFiles: (files: readonly File[]) => void;
  readonly hint: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  const [over, setOver] = useState(0);
  const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
  const enter = (event: DragEvent, step: number): void => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    // Enter and leave also fire between children: counted, not toggled.
    setOver((depth) => Math.max(0, depth + step));
  };
  return (
    <div
      class="drop-zone"
      onDragEnter={(event) => enter(event, 1)}
      onDragLeave={(event) => enter(event, -1)}
      onDragOver={(event) => carriesFiles(event) && event.preventDefault()}
      onDrop={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        setOver(0);
        props.onFiles([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      {props.children}
      {over > 0 && (
        <div class="drop-hint" aria-hidden="true">
          <Upload size={20} />
          {props.hint}
        </div>
      )}
    </div>
  );
}

export function PickFiles(props: {
  readonly onFiles: (files: readonly File[]) => void;
  readonly children: ComponentChildren;
  readonly kind?: 'primary' | 'normal';
  readonly multiple?: boolean;
}): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        class="visually-hidden"
        type="file"
        multiple={props.multiple !== false}
        tabIndex={-1}
        aria-hidden="true"
        onChange={(event) => {
          props.onFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = '';
        }}
      />
      <Button kind={props.kind ?? 'normal'} icon={<Upload size={14} />} onClick={() => input.current?.click()}>
        {props.children}
      </Button>
    </>
  );
}
