/** The pane of a selected node: its form, its policy, the data of its last run, and testing it. */
import { ArrowRightFromLine, ArrowRightToLine, FlaskConical, Pin, PinOff } from 'lucide-preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { GraphNode } from '../../../src/contract/graph.ts';
import { ValueForms } from '../../form/value-form.tsx';
import { useCommands } from '../../shell/commands.ts';
import { Button } from '../../ui/button.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { TabPanel, Tabs } from '../../ui/tabs.tsx';
import { Duration } from '../../ui/time.tsx';
import { largeOf } from '../last-results.ts';
import { patchNode } from '../operations/nodes.ts';
import { scopeOfNode } from '../tests.ts';
import { NodeResults } from './node-results.tsx';
import { NodeHead } from './node-head.tsx';
import { PolicyForm } from './policy-form.tsx';
import { useNodeTools } from './node-tools.ts';
import type { PaneProps } from './pane-props.ts';
import { ParamsForm } from './params-form.tsx';

const tabs = ['params', 'policy', 'data'] as const;
type TabName = (typeof tabs)[number];
const TITLES: Readonly<Record<TabName, string>> = { params: 'Form', policy: 'Policy', data: 'Data' };

export function NodePane(props: PaneProps & { readonly node: GraphNode }): JSX.Element {
  const { node, document, lastRun, types } = props;
  const [tab, setTab] = useState<TabName>('params');
  const type = types.get(node.type);
  const result = lastRun.results.value.get(node.key);
  const tools = useNodeTools(props, node);
  const isRunning = result?.status === 'running';
  const seen = useRef(result?.status);
  // It failed while one looks: why is what one wants to see.
  useEffect(() => {
    if (result?.status === 'failed' && seen.current !== 'failed') setTab('data');
    seen.current = result?.status;
  }, [result?.status]);
  const shown = useMemo(
    () => tabs.filter((name) => name !== 'params' || type === undefined || Object.keys((type.params['properties'] as object | undefined) ?? {}).length > 0),
    [type],
  );
  const view = shown.includes(tab) ? tab : (shown[0] ?? 'policy');
  return (
    <div class="pane editor-node" data-pane="node">
      <NodeHead {...props} type={type} />
      <NodeTests {...props} isRunning={isRunning} />
      {result !== undefined && (
        <div class="row node-result">
          <StatusChip status={result.status} bare />
          <Duration from={result.startedAt} to={result.endedAt} />
          {result.error !== undefined && <span class="field-fault truncate">{result.error.message}</span>}
        </div>
      )}
      <div class="pane-tabs">
        <Tabs label="Of the node" panelId="node-view" value={view} onChange={setTab} tabs={shown.map((name) => ({ id: name, label: TITLES[name] }))} />
      </div>
      <TabPanel id="node-view" label={TITLES[view]}>
        <ValueForms {...tools} hasExpressions={view === 'params'} key={`${node.key} ${view}`}>
          {view === 'params' && (
            <ParamsForm
              node={node}
              type={type}
              data={tools.data}
              onChange={(params) =>
                document.change(
                  `Change ${node.name ?? node.key}`,
                  (graph) => patchNode(graph, node.key, { params: params as NonNullable<GraphNode['params']> }),
                  { merge: `params ${node.key}` },
                )
              }
            />
          )}
          {view === 'policy' && (
            <PolicyForm
              node={node}
              onChange={(patch) =>
                document.change(`Change the policy of ${node.name ?? node.key}`, (graph) => patchNode(graph, node.key, patch), { merge: `policy ${node.key}` })
              }
            />
          )}
          {view === 'data' && <NodeResults {...props} result={result} data={tools.data} />}
        </ValueForms>
      </TabPanel>
    </div>
  );
}

function NodeTests(props: PaneProps & { readonly node: GraphNode; readonly isRunning: boolean }): JSX.Element {
  const { node, document, lastRun, tests } = props;
  const { busy, results } = lastRun;
  const result = results.value.get(node.key);
  const isPinned = node.mock !== undefined;
  const canPin = document.locked.value === undefined && (isPinned || (result?.output !== undefined && largeOf(result.output) === undefined));
  const run = (kind: 'node' | 'upTo' | 'from') => (): void => tests.run(scopeOfNode(document, kind, node.key));
  const pin = (): void =>
    document.change(isPinned ? `Unpin ${node.key}` : `Pin the output of ${node.key}`, (graph) =>
      patchNode(graph, node.key, { mock: isPinned ? undefined : (result?.output as GraphNode['mock']) }),
    );
  useCommands([
    { id: 'test-node', title: `Test ${node.key} alone`, group: 'Test', keys: 't n', disabled: busy.value, run: run('node') },
    { id: 'test-up-to', title: `Test up to ${node.key}`, group: 'Test', keys: 't u', disabled: busy.value, run: run('upTo') },
    { id: 'test-from', title: `Test from ${node.key}`, group: 'Test', keys: 't f', disabled: busy.value, run: run('from') },
    {
      id: 'test-pin',
      title: isPinned ? `Unpin the output of ${node.key}` : `Pin the output of ${node.key}`,
      group: 'Test',
      keys: 't p',
      disabled: !canPin,
      run: pin,
    },
  ]);
  const isInBody = document.scope.value.length > 0;
  const tip = isInBody ? `Runs ${document.scope.value[0] ?? ''}, which this is inside of` : undefined;
  return (
    <div class="node-tests" role="toolbar" aria-label="Test">
      <Button
        size="small"
        icon={<FlaskConical size={12} />}
        busy={busy.value && props.isRunning}
        disabled={busy.value}
        tip={tip ?? 'This node alone: T, then N'}
        onClick={run('node')}
      >
        Test
      </Button>
      <Button
        size="small"
        kind="quiet"
        icon={<ArrowRightToLine size={12} />}
        disabled={busy.value}
        tip={tip ?? 'What leads here, and this: T, then U'}
        onClick={run('upTo')}
      >
        Up to here
      </Button>
      <Button
        size="small"
        kind="quiet"
        icon={<ArrowRightFromLine size={12} />}
        disabled={busy.value}
        tip={tip ?? 'This and what follows: T, then F'}
        onClick={run('from')}
      >
        From here
      </Button>
      <span class="grow" />
      <Button
        size="small"
        kind="quiet"
        pressed={isPinned}
        disabled={!canPin}
        icon={isPinned ? <PinOff size={12} /> : <Pin size={12} />}
        tip={isPinned ? 'Runs again instead of giving the pinned output' : 'Gives its last output instead of running'}
        onClick={pin}
      >
        {isPinned ? 'Unpin' : 'Pin'}
      </Button>
    </div>
  );
}
