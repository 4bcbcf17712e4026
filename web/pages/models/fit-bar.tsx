/** What a model would take of a device, part by part, against what is free there now. */
import { formatBytes } from '../../ui/format.ts';
import type { JSX } from 'preact';
import type { ModelEstimate } from '../../../src/contract/model-estimates.ts';

const PARTS = [
  { key: 'weights', title: 'weights', tone: 'running' },
  { key: 'cache', title: 'cache', tone: 'waiting' },
  { key: 'compute', title: 'buffers', tone: 'cached' },
  { key: 'runtime', title: 'runtime', tone: 'paused' },
] as const;

export function FitBar(props: { readonly estimate: ModelEstimate }): JSX.Element {
  const { vram, memory, device, fit } = props.estimate;
  const scale = Math.max(vram.total, device?.freeBytes ?? 0, 1);
  return (
    <div class="stack stack-tight">
      <div
        class="fit-bar"
        role="img"
        aria-label={`${formatBytes(vram.total)} of device memory, ${device === null ? 'no device' : `${formatBytes(device.freeBytes)} free`}`}
      >
        {PARTS.map((part) => (
          <span key={part.key} class="fit-part" style={{ width: `${(vram[part.key] / scale) * 100}%`, backgroundColor: `var(--${part.tone}-solid)` }} />
        ))}
        {device !== null && <span class="fit-mark" style={{ insetInlineStart: `${(device.freeBytes / scale) * 100}%` }} />}
      </div>
      <ul class="fit-legend small">
        {PARTS.filter((part) => vram[part.key] > 0).map((part) => (
          <li key={part.key}>
            <span class="fit-dot" style={{ backgroundColor: `var(--${part.tone}-solid)` }} aria-hidden="true" />
            {part.title} {formatBytes(vram[part.key])}
          </li>
        ))}
        {memory.total > 0 && <li class="muted">main memory {formatBytes(memory.total)}</li>}
      </ul>
      <p class={fit.verdict === 'whole' || device === null ? 'small' : 'small fit-warning'}>{fit.message}</p>
      {device !== null && (
        <p class="small muted">
          {formatBytes(vram.total)} needed, {formatBytes(device.freeBytes)} of {formatBytes(device.totalBytes)} free on {device.name}
        </p>
      )}
    </div>
  );
}
