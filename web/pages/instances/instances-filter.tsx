/** The filter line of the instances with what it completes, its saved views, and the facets beside it. */
import { useMemo } from 'preact/hooks';
import type { ComponentChildren, JSX } from 'preact';
import type { InstanceStats } from '../../../src/contract/instance-stats.ts';
import { instanceStatuses, triggerTypes } from '../../../src/contract/values.ts';
import { call } from '../../api.ts';
import type { Filter } from '../../route.ts';
import { unknownTerms } from '../../state/filter.ts';
import { instanceTerms } from '../../state/instance-filter.ts';
import { useResource } from '../../state/resource.ts';
import { deleteView, saveView, useSavedViews } from '../../state/saved-views.ts';
import { FacetMenu } from '../../ui/facet-menu.tsx';
import { FilterBar } from '../../ui/filter-bar.tsx';
import type { FilterTerm } from '../../ui/filter-complete.ts';
import { SavedViewsMenu } from '../../ui/saved-views-menu.tsx';

const durations = [
  { value: '<1s', label: 'Below a second' },
  { value: '>1s', label: 'Longer than 1 s' },
  { value: '>10s', label: 'Longer than 10 s' },
  { value: '>1m', label: 'Longer than 1 m' },
  { value: '>10m', label: 'Longer than 10 m' },
  { value: '>1h', label: 'Longer than 1 h' },
];
const times = ['1h', '24h', '7d', '30d'].map((value) => ({ value }));

export interface InstancesFilterProps {
  readonly text: string;
  readonly filter: Filter;
  readonly stats: InstanceStats | undefined;
  readonly fault: string | undefined;
  readonly onChange: (text: string) => void;
  readonly children: ComponentChildren;
}

export function InstancesFilter(props: InstancesFilterProps): JSX.Element {
  const { stats } = props;
  const tags = useTags();
  const views = useSavedViews('instances');
  const terms = useMemo(() => termsOf(stats, tags), [stats, tags]);
  return (
    <FilterBar
      text={props.text}
      onChange={props.onChange}
      label="Filter instances"
      placeholder="status:failed workflow:wf_… since:24h words"
      unknown={unknownTerms(props.filter, instanceTerms)}
      known={instanceTerms}
      terms={terms}
    >
      <SavedViewsMenu
        views={views.value ?? []}
        filter={props.text}
        onChoose={props.onChange}
        onSave={async (name, isShared) => {
          await saveView({ page: 'instances', name, filter: props.text, isShared });
          views.reload();
        }}
        onDelete={async (view) => {
          await deleteView(view.id);
          views.reload();
        }}
      />
      {props.children}
      {props.fault !== undefined && (
        <p class="field-hint filter-fault" role="status">
          {props.fault}
        </p>
      )}
    </FilterBar>
  );
}

/** Facets with many values. */
export function MoreFacets(props: {
  readonly filter: Filter;
  readonly stats: InstanceStats | undefined;
  readonly onToggle: (name: string, value: string) => void;
}): JSX.Element {
  const { filter, stats, onToggle } = props;
  const tags = useTags();
  const chosen = (name: string): string | undefined => filter.terms[name]?.[0];
  return (
    <div class="facet" role="group" aria-label="More filters">
      <FacetMenu
        title="Workflow"
        chosen={chosen('workflow')}
        values={(stats?.facets.workflow ?? []).map(({ id, name, count }) => ({ value: id, label: name, count }))}
        onToggle={(value) => onToggle('workflow', value)}
      />
      <FacetMenu title="Started by" chosen={chosen('trigger')} values={stats?.facets.startedBy ?? []} onToggle={(value) => onToggle('trigger', value)} />
      {tags.length > 0 && (
        <FacetMenu title="Tag" chosen={chosen('tag')} values={tags.map((value) => ({ value }))} onToggle={(value) => onToggle('tag', value)} />
      )}
      <FacetMenu title="Duration" chosen={chosen('duration')} values={durations} onToggle={(value) => onToggle('duration', value)} />
      <FacetMenu
        title="Test runs"
        chosen={chosen('test')}
        values={[
          { value: 'true', label: 'Only test runs' },
          { value: 'all', label: 'Test runs too' },
        ]}
        onToggle={(value) => onToggle('test', value)}
      />
    </div>
  );
}

function useTags(): readonly string[] {
  const found = useResource(async (signal) => (await call('GET /api/v1/tags', { query: { limit: 200 }, signal })).items.map(({ tag }) => tag), []);
  return found.value ?? [];
}

function termsOf(stats: InstanceStats | undefined, tags: readonly string[]): readonly FilterTerm[] {
  const counts = new Map<string, number>(stats?.facets.status.map(({ value, count }) => [value, count]));
  const status = instanceStatuses.map((value) => ({ value, ...(counts.has(value) ? { count: counts.get(value) ?? 0 } : {}) }));
  const known = stats?.facets.startedBy ?? [];
  const others = ['manual', 'rerun', ...triggerTypes].filter((value) => !known.some((each) => each.value === value)).map((value) => ({ value }));
  return [
    { name: 'status', hint: 'how it stands', values: status },
    { name: 'workflow', hint: 'of which workflow', values: (stats?.facets.workflow ?? []).map(({ id, name, count }) => ({ value: id, label: name, count })) },
    { name: 'trigger', hint: 'what started it', values: [...known, ...others] },
    { name: 'tag', hint: 'a tag of its workflow', values: tags.map((value) => ({ value })) },
    { name: 'label', hint: 'key:value', isPair: true },
    { name: 'duration', hint: 'how long it took: >10s, <1m, 10s..1m', values: durations },
    { name: 'since', hint: 'created after: 24h, 7d, 2026-01-31', values: times },
    { name: 'until', hint: 'created before', values: times },
    {
      name: 'test',
      hint: 'test runs of drafts',
      values: [
        { value: 'true', label: 'only' },
        { value: 'all', label: 'too' },
      ],
    },
  ];
}
