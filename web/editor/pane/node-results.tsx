/** What a node was given and what it gave when it ran last: output, input after expressions, log, error. Large outputs by their beginning. */
import { Pin } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { GraphNode } from '../../../src/contract/graph.ts';
import type { Step } from '../../../src/contract/instances.ts';
import { call, urlOf } from '../../api.ts';
import { fetchText } from '../../state/fetch-text.ts';
import { useResource } from '../../state/resource.ts';
import { JsonField } from '../../form/value-json.tsx';
import type { ExpressionData } from '../../form/expression-data.ts';
import { Button } from '../../ui/button.tsx';
import { Input, Segmented } from '../../ui/field.tsx';
import { formatBytes } from '../../ui/format.ts';
import { CodeBlock } from '../../ui/log-view.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { StepLog } from '../../pages/instances/step-log.tsx';
import { JobLog } from '../../pages/jobs/job-log.tsx';
import { largeOf } from '../last-results.ts';
import type { StepResult } from '../last-results.ts';
import { patchNode } from '../operations/nodes.ts';
import { DataView } from './data-view.tsx';
import type { PaneProps } from './pane-props.ts';
import { ReadableData } from './readable-data.tsx';

type Port = 'output' | 'input' | 'log';

export function NodeResults(
  props: PaneProps & { readonly node: GraphNode; readonly result: StepResult | undefined; readonly data: ExpressionData },
): JSX.Element {
  const { node, result, lastRun } = props;
  const [port, setPort] = useState<Port>('output');
  const isInBody = props.document.scope.value.length > 0;
  return (
    <div class="pane-body">
      <div class="row row-wrap">
        <Segmented
          label="Which data"
          value={port}
          options={[
            { value: 'output', label: 'Output' },
            { value: 'input', label: 'Input' },
            { value: 'log', label: 'Log' },
          ]}
          onChange={setPort}
        />
        {isInBody && (
          <label class="row small">
            Item
            <Input type="number" min={0} label="Item of the body" value={String(lastRun.item.value)} onInput={(text) => lastRun.showItem(Number(text) || 0)} />
          </label>
        )}
      </div>
      {port === 'output' && node.mock !== undefined && <Pinned {...props} />}
      {result === undefined ? (
        port === 'input' ? (
          <ReadableData data={props.data} />
        ) : (
          <Empty title="It has not run yet">Test it, or run the workflow: what it gives is shown here, and on its card.</Empty>
        )
      ) : (
        <ResultOf key={`${result.instanceId} ${result.path}`} {...props} result={result} port={port} />
      )}
    </div>
  );
}

/** The output that stands for running it, to be edited. */
function Pinned(props: PaneProps & { readonly node: GraphNode }): JSX.Element {
  const { node, document } = props;
  const set = (mock: GraphNode['mock']): void =>
    document.change(`Change the pinned output of ${node.key}`, (graph) => patchNode(graph, node.key, { mock }), { merge: `mock ${node.key}` });
  return (
    <JsonField
      title="Pinned output"
      description="It gives this instead of running."
      path="mock"
      value={node.mock}
      onChange={(value) => set((value ?? null) as GraphNode['mock'])}
      onRemove={() => set(undefined)}
    />
  );
}

function ResultOf(
  props: PaneProps & { readonly node: GraphNode; readonly result: StepResult; readonly port: Port; readonly data: ExpressionData },
): JSX.Element {
  const { result } = props;
  const step = useResource(
    async (signal): Promise<Step | undefined> => {
      const found = await call('GET /api/v1/instances/{id}/steps', { params: { id: result.instanceId }, query: { path: result.path, limit: 200 }, signal });
      return found.items.toSorted((a, b) => b.generation - a.generation)[0];
    },
    [result.instanceId, result.path, result.seq, result.status],
  );
  return (
    <View of={{ value: step.value === undefined && !step.loading ? null : step.value, error: step.error, reload: step.reload }} what="the step">
      {(read) => (
        <>
          {read?.error !== undefined && (
            <div class="error-view error-compact" role="status">
              <div class="grow">
                <div class="strong">{read.error.message}</div>
                <div class="faint mono">{read.error.code}</div>
                {read.error.remedy !== undefined && <div>{read.error.remedy}</div>}
              </div>
            </div>
          )}
          {props.port === 'output' &&
            (read === null ? (
              <Empty title="It is gone">The run it was in has been deleted.</Empty>
            ) : read.endedAt === null ? (
              <p class="muted">Not there yet: {read.waitReason?.message ?? read.status}.</p>
            ) : (
              <Output {...props} step={read} />
            ))}
          {props.port === 'input' && (
            <>
              <section class="pane-section" aria-label="Input">
                <h3>Its params, after expressions</h3>
                {read === null || read.input === null ? <p class="muted">Not evaluated yet.</p> : <DataView value={read.input} label="Params" />}
              </section>
              <ReadableData data={props.data} />
            </>
          )}
          {props.port === 'log' &&
            read !== null &&
            (read.jobId === undefined ? (
              <StepLog instanceId={result.instanceId} step={read} />
            ) : (
              <JobLog key={read.jobId} jobId={read.jobId} live={read.endedAt === null} />
            ))}
        </>
      )}
    </View>
  );
}

function Output(props: PaneProps & { readonly node: GraphNode; readonly step: Step }): JSX.Element {
  const { step, node, document } = props;
  const large = largeOf(step.output);
  if (large !== undefined) return <LargeOutput {...large} name={`${step.key}.json`} />;
  const pin = (): void => document.change(`Pin the output of ${node.key}`, (graph) => patchNode(graph, node.key, { mock: step.output }));
  return (
    <>
      <DataView value={step.output} label="Output" prefix={`steps.${node.key}.output`} />
      {node.mock === undefined && document.locked.value === undefined && (
        <div>
          <Button size="small" kind="quiet" icon={<Pin size={12} />} onClick={pin}>
            Pin and edit it
          </Button>
        </div>
      )}
    </>
  );
}

const HEAD_BYTES = 64 * 1024;
// Reading more into a tree would freeze the page; expressions read it whole all the same.
const WHOLE_BYTES = 4 * 1024 * 1024;

/** An output kept as a file: whole where that is no burden, else its beginning. */
function LargeOutput(props: { readonly id: string; readonly bytes: number; readonly name: string }): JSX.Element {
  const url = urlOf('/api/v1/artifacts/{id}', { id: props.id });
  const [isWhole, setWhole] = useState(false);
  const canBeWhole = props.bytes <= WHOLE_BYTES;
  const loaded = useResource(async (signal) => await fetchText(url, { maxBytes: isWhole ? WHOLE_BYTES : HEAD_BYTES, signal }), [url.href, isWhole]);
  return (
    <div class="stack">
      <div class="row row-wrap">
        <span class="muted">{formatBytes(props.bytes)}, kept as a file; expressions read it as if it were here.</span>
        <a href={url.href} download={props.name}>
          Download
        </a>
        {canBeWhole && !isWhole && (
          <Button size="small" onClick={() => setWhole(true)}>
            Show all of it
          </Button>
        )}
      </div>
      <View of={loaded} what="the output">
        {({ text, cut }) => {
          const value = cut ? undefined : parsed(text);
          return value === undefined ? (
            <>
              <CodeBlock wrap text={text} label="The beginning of the output" />
              {cut && <p class="faint small">The first {formatBytes(HEAD_BYTES)}.</p>}
            </>
          ) : (
            <DataView value={value.value} label="Output" prefix={`steps.${props.name.replace(/\.json$/, '')}.output`} />
          );
        }}
      </View>
    </div>
  );
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    // Cut on its way: shown as text.
    return undefined;
  }
}
