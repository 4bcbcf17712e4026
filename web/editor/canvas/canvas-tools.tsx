/** Over the canvas: its zoom and layout buttons, the way back out of bodies, and one line that says what just could not be done. */
import { useSignalEffect } from '@preact/signals';
import { useStore } from '@xyflow/react';
import { AlignHorizontalDistributeCenter, ChevronRight, List, Maximize, Minus, Plus } from 'lucide-preact';
import { useRef } from 'preact/hooks';
import type { JSX } from 'preact';
import { Button, IconButton } from '../../ui/button.tsx';
import { Menu } from '../../ui/menu.tsx';
import type { MenuItem } from '../../ui/menu.tsx';
import { formatPercent } from '../../ui/format.ts';
import { useCanvas } from './canvas-state.ts';
import type { Canvas } from './canvas-state.ts';
import { canvasCommands, openAdd } from './commands.ts';

export function CanvasTools(): JSX.Element {
  const canvas = useCanvas();
  const view = canvas.view;
  const zoom = useStore((state) => Math.round(state.transform[2] * 100));
  return (
    <div class="canvas-tools" role="toolbar" aria-label="View of the canvas">
      <IconButton size="small" label="Zoom out" hint="-" icon={<Minus size={14} />} onClick={() => view.current?.zoom({ by: 0.8 })} />
      <button
        type="button"
        class="canvas-zoom"
        data-tip="Full size  1"
        aria-label={`Zoom ${formatPercent(zoom / 100)}, show at full size`}
        onClick={() => view.current?.zoom({ at: 1 })}
      >
        {formatPercent(zoom / 100)}
      </button>
      <IconButton size="small" label="Zoom in" hint="+" icon={<Plus size={14} />} onClick={() => view.current?.zoom({ by: 1.25 })} />
      <IconButton size="small" label="Show all" hint="0" icon={<Maximize size={14} />} onClick={() => view.current?.fit()} />
      {!canvas.isReadOnly.value && (
        <Menu label="Arrange" items={arrangeItems(canvas)} buttonClass="btn btn-icon btn-quiet btn-size-small">
          <AlignHorizontalDistributeCenter size={14} />
        </Menu>
      )}
      <IconButton size="small" label="Show as a list" hint="l" icon={<List size={14} />} onClick={() => (canvas.showsList.value = true)} />
    </div>
  );
}

function arrangeItems(canvas: Canvas): readonly MenuItem[] {
  return canvasCommands(canvas, () => true)
    .filter((command) => /^(Tidy|Align|Distribute)/.test(command.title))
    .map((command) => ({
      label: command.title,
      hint: command.keys,
      disabled: command.disabled,
      onSelect: command.run,
      separated: command.title === 'Align left sides' || command.title === 'Distribute across',
    }));
}

/** Where one is: the workflow, and the bodies one went into. */
export function Breadcrumbs(): JSX.Element | null {
  const canvas = useCanvas();
  const scope = canvas.doc.scope.value;
  if (scope.length === 0) return null;
  const steps = ['', ...scope];
  return (
    <nav class="canvas-crumbs" aria-label="Open graph">
      {steps.map((key, depth) => (
        <span key={key} class="row">
          {depth > 0 && <ChevronRight size={12} aria-hidden="true" />}
          {depth === scope.length ? (
            <span aria-current="page">{key}</span>
          ) : (
            <button type="button" onClick={() => canvas.doc.open(scope.slice(0, depth))}>
              {key === '' ? canvas.doc.about.value.name || 'Workflow' : key}
            </button>
          )}
        </span>
      ))}
    </nav>
  );
}

/** An empty graph says how it gets its first node. */
export function EmptyGraph(): JSX.Element | null {
  const canvas = useCanvas();
  const { nodes, comments } = canvas.doc.graph.value;
  if (nodes.length > 0 || (comments ?? []).length > 0 || canvas.isReadOnly.value || canvas.layer.value !== undefined) return null;
  const inside = canvas.doc.scope.value.at(-1);
  return (
    <div class="canvas-empty">
      <span class="strong">{inside === undefined ? 'No node yet' : `Nothing inside “${inside}” yet`}</span>
      <span class="muted">Drag a type here{canvas.isNarrow.value ? '' : ' from the left'}, paste nodes, or</span>
      <Button hint="/" onClick={() => openAdd(canvas)}>
        Add a node
      </Button>
    </div>
  );
}

// Long enough to read two lines.
const SAID_MS = 6_000;

/** Says once why something was refused; screen readers hear it. */
export function Notice(): JSX.Element {
  const canvas = useCanvas();
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useSignalEffect(() => {
    clearTimeout(timer.current);
    if (canvas.notice.value !== undefined) timer.current = setTimeout(() => (canvas.notice.value = undefined), SAID_MS);
  });
  return (
    <div class="canvas-notice" role="status" aria-live="polite">
      {canvas.notice.value !== undefined && <span>{canvas.notice.value}</span>}
    </div>
  );
}
