/** The memory of a device as one bar: who uses how much, filled, and what is granted beyond, as a frame of the same hue. */
import { memoryFigure } from './memory-parts.ts';
import type { JSX } from 'preact';
import type { MemoryPart } from './memory-parts.ts';

const TENANT_HUES = ['running', 'cached', 'dead', 'timed-out', 'paused'] as const;

/** The colour of the tenant at this place. */
export function memoryHue(index: number): string {
  return `var(--${TENANT_HUES[index % TENANT_HUES.length] ?? 'running'}-solid)`;
}

interface Colors {
  readonly used: string;
  /** The frame around what was granted beyond. */
  readonly held: string;
}

/** The colours of the part at this place among those of its device. */
export function memoryColors(part: MemoryPart, index: number): Colors {
  if (part.kind === 'free') return { used: 'transparent', held: 'transparent' };
  const used = part.kind === 'external' ? 'var(--queued-solid)' : memoryHue(index);
  return { used, held: used };
}

/** @param props.label the whole in words: the parts are named after it */
export function MemoryBar(props: { readonly label: string; readonly parts: readonly MemoryPart[] }): JSX.Element {
  return (
    <div class="memory-bar" role="img" aria-label={`${props.label}: ${props.parts.map((part) => `${part.name} ${memoryFigure(part)}`).join(', ')}`}>
      {props.parts.map((part, index) => {
        const { used, held } = memoryColors(part, index);
        return (
          <>
            <div key={part.key} class={`memory-part memory-${part.kind}`} style={{ flexGrow: part.bytes, backgroundColor: used }} />
            {part.heldBytes > 0 && <div key={`${part.key} held`} class="memory-held" style={{ flexGrow: part.heldBytes, color: held }} />}
          </>
        );
      })}
    </div>
  );
}
