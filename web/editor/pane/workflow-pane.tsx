/** The pane when nothing is selected: what the workflow is, what it takes, what starts it, and how its instances run. */
import { useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Definition } from '../../../src/contract/graph.ts';
import { SchemaBuilder } from '../../form/schema-builder.tsx';
import { SchemaForm } from '../../form/schema-form.tsx';
import { ValueForms } from '../../form/value-form.tsx';
import { Field, Input, Textarea } from '../../ui/field.tsx';
import { TabPanel, Tabs } from '../../ui/tabs.tsx';
import { faultsBelow } from './node-tools.ts';
import type { PaneProps } from './pane-props.ts';
import { settingsSchema } from './settings-schema.ts';
import { TagsField } from './tags-field.tsx';
import { TriggersForm } from './triggers-form.tsx';

const tabs = ['about', 'input', 'triggers', 'settings'] as const;
type TabName = (typeof tabs)[number];
const TITLES: Readonly<Record<TabName, string>> = { about: 'Workflow', input: 'Input', triggers: 'Triggers', settings: 'Settings' };

export function WorkflowPane(props: PaneProps): JSX.Element {
  const { document, workflow, lastRun, secrets } = props;
  const [tab, setTab] = useState<TabName>('about');
  const definition = document.definition.value;
  const locked = document.locked.value !== undefined;
  const problems = props.problems.value;
  const input = lastRun.input.value;
  const data = useMemo(() => ({ scope: { input: input ?? {} }, steps: [], secrets, names: [] }), [input, secrets]);
  const faultAt = useMemo(
    () =>
      faultsBelow(
        problems.map((problem) => ({ ...problem, path: `.${problem.path}` })),
        '',
      ),
    [problems],
  );
  const change = (what: string, patch: Partial<Definition>): void =>
    document.changeDefinition(`Change ${what}`, (before) => withoutAbsent({ ...before, ...patch }), { merge: what });
  return (
    <div class="pane" data-pane="workflow">
      <div class="pane-tabs">
        <Tabs
          label="Of the workflow"
          panelId="workflow-pane"
          value={tab}
          onChange={setTab}
          tabs={tabs.map((name) => ({ id: name, label: TITLES[name], ...(name === 'triggers' ? { count: definition.triggers?.length ?? 0 } : {}) }))}
        />
      </div>
      <TabPanel id="workflow-pane" label={TITLES[tab]}>
        <ValueForms key={tab} data={data} faultAt={faultAt} locked={locked} place={`${workflow.id} workflow`} hasExpressions={false}>
          <div class="pane-body">
            {tab === 'about' && <About {...props} locked={locked} />}
            {tab === 'input' && (
              <>
                <p class="muted small">What an instance is started with. Forms and the run dialog make fields of it; input that does not fit is refused.</p>
                <SchemaBuilder
                  title="Input"
                  path="inputSchema"
                  value={definition.inputSchema}
                  onChange={(schema) => change('the input', { inputSchema: schema as Definition['inputSchema'] })}
                />
                {faultAt('inputSchema') !== undefined && <p class="field-fault">{faultAt('inputSchema')}</p>}
              </>
            )}
            {tab === 'triggers' && (
              <TriggersForm {...props} onChange={(triggers) => change('the triggers', { triggers: triggers.length === 0 ? undefined : triggers })} />
            )}
            {tab === 'settings' && (
              <SchemaForm
                root={settingsSchema}
                schema={settingsSchema}
                path="settings"
                value={definition.settings ?? {}}
                onChange={(settings) =>
                  change('the settings', { settings: Object.keys(settings).length === 0 ? undefined : (settings as Definition['settings']) })
                }
              />
            )}
          </div>
        </ValueForms>
      </TabPanel>
    </div>
  );
}

/** What is undefined is no field: a definition is compared and stored as JSON. */
function withoutAbsent(definition: Definition): Definition {
  return Object.fromEntries(Object.entries(definition).filter(([, value]) => value !== undefined)) as Definition;
}

function About(props: PaneProps & { readonly locked: boolean }): JSX.Element {
  const { document, locked, workflow } = props;
  const about = document.about.value;
  return (
    <>
      <Field label="Name">
        {(links) => (
          <Input {...links} value={about.name} maxLength={200} disabled={locked} autocomplete="off" onInput={(name) => document.changeAbout({ name })} />
        )}
      </Field>
      <Field label="Description" optional>
        {(links) => (
          <Textarea
            {...links}
            rows={5}
            value={about.description}
            disabled={locked}
            placeholder="What it is for"
            onInput={(description) => document.changeAbout({ description })}
          />
        )}
      </Field>
      <TagsField workflow={workflow} />
    </>
  );
}
