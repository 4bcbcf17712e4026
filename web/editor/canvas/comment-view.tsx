/** A comment on the canvas: plain text, edited in place, resized at its corner. Whatever it holds is shown as text. */
import { memo } from 'preact/compat';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { GraphComment } from '../../../src/contract/graph.ts';
import { setComment } from '../operations/comments.ts';
import { useCanvas } from './canvas-state.ts';
import { COMMENT_SIZE, SMALLEST_COMMENT } from './flow-model.ts';
import { GRID } from './places.ts';

export interface CommentProps {
  readonly data: { readonly comment: GraphComment };
  readonly selected: boolean;
}

const MAX_CHARS = 4_000;

export const CommentView = memo(Comment, (before, after) => before.data.comment === after.data.comment && before.selected === after.selected);

function Comment(props: CommentProps): JSX.Element {
  const canvas = useCanvas();
  const { comment } = props.data;
  const isWriting = canvas.writing.value === comment.id;
  return (
    <div
      class={`comment comment-${comment.colour ?? 'grey'}${props.selected ? ' comment-selected' : ''}`}
      onDblClick={() => (canvas.writing.value = comment.id)}
    >
      {isWriting ? (
        <Writing comment={comment} />
      ) : (
        <div class="comment-text">{comment.text === '' ? <span class="faint">An empty comment</span> : comment.text}</div>
      )}
      {props.selected && !canvas.isReadOnly.value && <Corner comment={comment} />}
    </div>
  );
}

function Writing(props: { readonly comment: GraphComment }): JSX.Element {
  const canvas = useCanvas();
  const area = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(props.comment.text);
  useEffect(() => {
    area.current?.focus();
    area.current?.select();
  }, []);
  const done = (refocus: boolean): void => {
    if (canvas.writing.peek() !== props.comment.id) return;
    canvas.writing.value = undefined;
    if (text !== props.comment.text) canvas.change('Write a comment', (graph) => setComment(graph, props.comment.id, { text }));
    if (refocus) canvas.view.current?.focus();
  };
  return (
    <textarea
      ref={area}
      class="comment-area nodrag nowheel nopan"
      aria-label="Text of the comment"
      maxLength={MAX_CHARS}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      onBlur={() => done(false)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Escape' || (event.key === 'Enter' && (event.ctrlKey || event.metaKey))) done(true);
      }}
    />
  );
}

/** Drags the lower right corner, in steps of the grid. */
function Corner(props: { readonly comment: GraphComment }): JSX.Element {
  const canvas = useCanvas();
  const { comment } = props;
  const isPulled = useRef(false);
  const pull = (event: PointerEvent): void => {
    if (!isPulled.current) return;
    const from = comment.position;
    const to = canvas.view.current?.toCanvas({ x: event.clientX, y: event.clientY });
    if (to === undefined) return;
    const stepped = (value: number, least: number): number => Math.max(least, Math.round(value / GRID) * GRID);
    const size = { width: stepped(to.x - from.x, SMALLEST_COMMENT.width), height: stepped(to.y - from.y, SMALLEST_COMMENT.height) };
    const before = comment.size ?? COMMENT_SIZE;
    if (size.width === before.width && size.height === before.height) return;
    canvas.change('Resize a comment', (graph) => setComment(graph, comment.id, { size }), { merge: `resize ${comment.id}` });
  };
  return (
    <div
      class="comment-corner nodrag nopan"
      aria-hidden="true"
      onPointerDown={(event) => {
        isPulled.current = true;
        event.currentTarget.setPointerCapture(event.pointerId);
        event.stopPropagation();
      }}
      onPointerMove={pull}
      onPointerUp={() => (isPulled.current = false)}
    />
  );
}
