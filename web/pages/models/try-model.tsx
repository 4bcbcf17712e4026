/** Asks a model from its own page, to see that it answers and how fast: a short talk, or the vector of a text. Keeps nothing of it. */
import { useState } from 'preact/hooks';
import { Segmented } from '../../ui/field.tsx';
import { isEmbedder } from './try-model.ts';
import { TryTalk } from './try-talk.tsx';
import { TryVector } from './try-vector.tsx';
import type { JSX } from 'preact';
import type { Model } from '../../../src/contract/models.ts';

export function TryModel({ model }: { readonly model: Model }): JSX.Element {
  const [kind, setKind] = useState<'talk' | 'vector'>(isEmbedder(model) ? 'vector' : 'talk');
  return (
    <section class="stack try-model" aria-label="Try it">
      <div class="row">
        <h3 class="grow">Try it</h3>
        <Segmented
          label="What it answers with"
          value={kind}
          options={[
            { value: 'talk', label: 'Text' },
            { value: 'vector', label: 'Vector' },
          ]}
          onChange={setKind}
        />
      </div>
      {kind === 'talk' ? <TryTalk model={model} /> : <TryVector model={model} />}
    </section>
  );
}
