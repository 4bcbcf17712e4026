/** Code in a form: the code editor in a box of its own, larger on demand. Never a template. */
import { Maximize2 } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { IconButton } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import type { CodeLanguage } from './code-mirror.ts';
import { CodeEditorView } from './code-editor.tsx';
import type { ControlProps } from './value-types.ts';
import { ValueFrame } from './value-frame.tsx';

export function CodeField(props: ControlProps & { readonly language: CodeLanguage }): JSX.Element {
  const [isLarge, setLarge] = useState(false);
  const { frame } = props;
  const text = typeof props.value === 'string' ? props.value : '';
  const editor = (
    <CodeEditorView
      key={String(frame.locked)}
      label={props.title}
      language={props.language}
      text={text}
      problems={[]}
      readOnly={frame.locked}
      onChange={(next) => {
        if (next !== text) props.onChange(next === '' ? undefined : next);
      }}
    />
  );
  return (
    <ValueFrame
      {...frame}
      isGroup
      aside={<IconButton size="small" label={`${props.title}, larger`} icon={<Maximize2 size={12} />} onClick={() => setLarge(true)} />}
    >
      <div class="vf-code">{isLarge ? <p class="muted">It is open in the larger editor.</p> : editor}</div>
      {isLarge && (
        <Dialog title={props.title} size="large" onClose={() => setLarge(false)}>
          <div class="vf-code vf-code-large">{editor}</div>
        </Dialog>
      )}
    </ValueFrame>
  );
}
