/** JSON as a tree that folds; click a key to copy its path. Text only: nothing in a value is ever markup. */
import { ChevronDown, ChevronRight } from 'lucide-preact';
import { useMemo, useState } from 'preact/hooks';
import { copyText } from './clipboard.ts';
import { CopyButton } from './copy.tsx';
import { expressionPath, jsonRows } from './json.ts';
import { toast } from './toast.tsx';
import type { JSX } from 'preact';
import type { JsonRow, JsonValue } from './json.ts';

export interface JsonViewProps {
  readonly value: unknown;
  readonly label: string;
  /** Levels open at first; default 2. */
  readonly openDepth?: number | undefined;
  /** What a copied path begins with: `steps.read.output`. */
  readonly pathPrefix?: string | undefined;
}

// Longer strings are cut in the tree; copying gives them whole.
const SHOWN_CHARACTERS = 2_000;

export function JsonView(props: JsonViewProps): JSX.Element {
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [more, setMore] = useState<ReadonlyMap<string, number>>(new Map());
  const rows = useMemo(
    () => jsonRows(props.value as JsonValue, { toggled, openDepth: props.openDepth ?? 2, more }),
    [props.value, toggled, more, props.openDepth],
  );
  const toggle = (path: string): void => {
    const next = new Set(toggled);
    if (!next.delete(path)) next.add(path);
    setToggled(next);
  };
  const copyPath = (path: string): void => {
    const text = expressionPath(path, props.pathPrefix ?? '');
    void copyText(text).then((done) => done && toast({ text: `Copied ${text}` }));
  };
  return (
    <div class="json" role="group" aria-label={props.label}>
      <div class="json-rows">
        {rows.map((row) => (
          <JsonLine
            key={`${row.path}${row.kind}`}
            row={row}
            onToggle={() => toggle(row.path)}
            onMore={() => setMore(new Map(more).set(row.path, (more.get(row.path) ?? 1) + 5))}
            onCopyPath={() => copyPath(row.path)}
          />
        ))}
      </div>
      <div class="code-tools">
        <CopyButton text={JSON.stringify(props.value, null, 2) ?? 'null'} label="Copy JSON" />
      </div>
    </div>
  );
}

function JsonLine(props: { readonly row: JsonRow; readonly onToggle: () => void; readonly onMore: () => void; readonly onCopyPath: () => void }): JSX.Element {
  const { row } = props;
  const isBranch = row.kind === 'object' || row.kind === 'array';
  const text = row.text.length > SHOWN_CHARACTERS ? `${row.text.slice(0, SHOWN_CHARACTERS)}…` : row.text;
  return (
    <div class="json-row" style={{ paddingInlineStart: `${row.depth * 16}px` }}>
      {isBranch ? (
        <button
          type="button"
          class="json-fold"
          aria-expanded={row.open}
          aria-label={`${row.open ? 'Fold' : 'Unfold'} ${row.key ?? 'value'}`}
          onClick={props.onToggle}
        >
          {row.open ? <ChevronDown size={12} /> : <ChevronRight size={12} />}
        </button>
      ) : (
        <span class="json-fold" />
      )}
      {row.key !== undefined && (
        <button type="button" class="json-key" data-tip="Copy path" onClick={props.onCopyPath}>
          {row.key}
        </button>
      )}
      {row.kind === 'more' ? (
        <button type="button" class="json-more" onClick={props.onMore}>
          show more of {row.text} left
        </button>
      ) : (
        <span class={`json-${row.kind}`}>{text}</span>
      )}
    </div>
  );
}
