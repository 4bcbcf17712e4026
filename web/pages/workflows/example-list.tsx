/** The examples to begin from, by group: one is chosen. */
import type { JSX } from 'preact';
import type { ItemOf } from '../../api.ts';

type Example = ItemOf<'GET /api/v1/examples'>;

const groups: Readonly<Record<Example['group'], string>> = {
  finished: 'Whole pieces of work',
  flow: 'Maps, loops, branches',
  waits: 'Waiting',
  policies: 'Retries, caches, limits',
  triggers: 'Triggers',
  models: 'Models',
};

export function ExampleList(props: {
  readonly examples: readonly Example[];
  readonly chosen: string;
  readonly onChoose: (example: Example) => void;
}): JSX.Element {
  return (
    <div class="example-list" role="radiogroup" aria-label="Examples" tabIndex={0}>
      {Object.entries(groups).map(([group, title]) => (
        <div key={group}>
          <p class="example-group">{title}</p>
          {props.examples
            .filter((example) => example.group === group)
            .map((example) => (
              <label key={example.id} class="example-row">
                <input type="radio" name="example" value={example.id} checked={example.id === props.chosen} onChange={() => props.onChoose(example)} />
                <span>
                  <span class="strong">{example.title}</span>
                  <span class="muted example-summary">{example.summary}</span>
                  {example.needs.length > 0 && <span class="muted example-summary">Needs {example.needs.join(', ')}.</span>}
                </span>
              </label>
            ))}
        </div>
      ))}
    </div>
  );
}
