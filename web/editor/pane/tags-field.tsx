/** The tags of a workflow. They belong to no version: a change holds at once. */
import { X } from 'lucide-preact';
import { useId, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Workflow } from '../../../src/contract/workflows.ts';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';

const MAX_TAGS = 20;

export function TagsField(props: { readonly workflow: Workflow }): JSX.Element {
  const listId = useId();
  const [tags, setTags] = useState<readonly string[]>(props.workflow.tags);
  const [typed, setTyped] = useState('');
  const known = useResource(async (signal) => (await call('GET /api/v1/tags', { query: { limit: 200 }, signal })).items.map((each) => each.tag), []);
  const save = useAction(async (next: readonly string[]) => {
    const answer = await call('PUT /api/v1/workflows/{id}/tags', { params: { id: props.workflow.id }, body: { tags: [...next] } });
    setTags(answer.tags);
  });
  const add = (): void => {
    const tag = typed.trim();
    if (tag === '') return;
    setTyped('');
    if (!tags.some((each) => each.toLowerCase() === tag.toLowerCase())) void save.run([...tags, tag]);
  };
  return (
    <Field label="Tags" hint="To find it by. A change holds at once, whatever is published." fault={save.error?.message}>
      {(links) => (
        <>
          {tags.length > 0 && (
            <div class="row row-wrap">
              {tags.map((tag) => (
                <span key={tag} class="tag">
                  {tag}
                  <button
                    type="button"
                    class="vf-tool"
                    aria-label={`Take away the tag ${tag}`}
                    disabled={save.busy}
                    onClick={() => void save.run(tags.filter((each) => each !== tag))}
                  >
                    <X size={12} />
                  </button>
                </span>
              ))}
            </div>
          )}
          <div class="row">
            <input
              {...links}
              class="input"
              list={listId}
              value={typed}
              maxLength={40}
              placeholder="Add a tag"
              autocomplete="off"
              disabled={tags.length >= MAX_TAGS}
              onInput={(event) => setTyped(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key !== 'Enter') return;
                event.preventDefault();
                add();
              }}
            />
            <datalist id={listId}>
              {(known.value ?? []).map((tag) => (
                <option key={tag} value={tag} />
              ))}
            </datalist>
            <Button size="small" busy={save.busy} disabled={typed.trim() === ''} onClick={add}>
              Add
            </Button>
          </div>
        </>
      )}
    </Field>
  );
}
