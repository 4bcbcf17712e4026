/** What expressions at a place can read, with the values of the last run: trees whose paths can be dragged into the fields above. */
import type { JSX } from 'preact';
import type { ExpressionData } from '../../form/expression-data.ts';
import { DataView } from './data-view.tsx';

export function ReadableData(props: { readonly data: ExpressionData }): JSX.Element {
  const { scope, steps } = props.data;
  const outputs = (scope['steps'] ?? {}) as Readonly<Record<string, { readonly output: unknown }>>;
  const others = Object.entries(scope).filter(([name, value]) => !['steps', 'instance', 'workflow'].includes(name) && value !== null);
  const waiting = steps.filter((step) => outputs[step.key] === undefined);
  return (
    <section class="readable" aria-label="Data it can read">
      <h3>Data it can read</h3>
      {steps.map((step) =>
        outputs[step.key] === undefined ? null : (
          <details key={step.key}>
            <summary>
              <span class="mono">steps.{step.key}</span> <span class="faint">{step.title}</span>
            </summary>
            <DataView value={outputs[step.key]?.output} label={`Output of ${step.key}`} prefix={`steps.${step.key}.output`} />
          </details>
        ),
      )}
      {others.map(([name, value]) => (
        <details key={name}>
          <summary>
            <span class="mono">{name}</span>
          </summary>
          <DataView value={value} label={name} prefix={name} />
        </details>
      ))}
      {waiting.length > 0 && (
        <p class="faint small">
          Not here: {waiting.map((step) => step.key).join(', ')}. It has not run yet (test up to here), or gave more than is shown here.
        </p>
      )}
    </section>
  );
}
