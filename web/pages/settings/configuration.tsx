/** The configuration this Studio runs with: each setting's value, where it came from and what would change it; and reading it again. */
import { useParam } from '../../route.ts';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input, Segmented } from '../../ui/field.tsx';
import { Card } from '../../ui/page.tsx';
import { Table } from '../../ui/table.tsx';
import { toast } from '../../ui/toast.tsx';
import { Banner, Empty, ErrorView, View } from '../../ui/views.tsx';
import { matchesSetting, reloadWords } from './configuration-words.ts';
import type { JSX } from 'preact';
import type { Configuration } from '../../../src/contract/system.ts';
import type { Column } from '../../ui/table.tsx';

type Setting = Configuration['keys'][number];

const SHOWN = [
  { value: '', label: 'Set' },
  { value: 'all', label: 'All' },
] as const;

export function ConfigurationSection(): JSX.Element {
  const configuration = useResource((signal) => call('GET /api/v1/system/configuration', { signal }), []);
  return (
    <View of={configuration} what="The configuration">
      {(value) => <Settings value={value} onReloaded={configuration.reload} />}
    </View>
  );
}

function Settings({ value, onReloaded }: { readonly value: Configuration; readonly onReloaded: () => void }): JSX.Element {
  const [words, setWords] = useParam('q');
  const [shown, setShown] = useParam('show');
  const reload = useAction(async () => {
    const done = await call('POST /api/v1/system/reload', {});
    toast({ text: reloadWords(done) });
    onReloaded();
  });
  const rows = value.keys.filter((setting) => (shown === 'all' || !setting.isDefault || words !== '') && matchesSetting(setting, words));
  return (
    <>
      {reload.error !== undefined && <ErrorView compact title="The configuration was not read" error={reload.error} />}
      {value.reload !== null && value.reload.faults.length > 0 && (
        <Banner tone="bad">The newest configuration can’t be used, and nothing was changed: {value.reload.faults.join('; ')}</Banner>
      )}
      {value.reload !== null && value.reload.needsRestart.length > 0 && <Banner tone="warn">Restart Studio for {value.reload.needsRestart.join(', ')}.</Banner>}
      {value.notices.map((notice) => (
        <Banner key={notice} tone="note">
          {notice}
        </Banner>
      ))}
      <Card
        title="Configuration"
        flush
        aside={
          <>
            <Segmented label="Settings shown" value={shown === 'all' ? 'all' : ''} options={SHOWN} onChange={setShown} />
            <Button
              size="small"
              busy={reload.busy}
              tip="Applies what can change while Studio runs, and names what needs a restart"
              onClick={() => void reload.run()}
            >
              Read again
            </Button>
          </>
        }
      >
        <div class="settings-filter">
          <Field label="Find">{(links) => <Input {...links} mono placeholder="REDIS" value={words} autocomplete="off" onInput={setWords} />}</Field>
        </div>
        <Table
          inline
          density="normal"
          label="Settings of this Studio"
          columns={columns}
          rows={rows}
          rowKey={(setting) => setting.name}
          empty={<Empty title="No such setting">{words === '' ? 'Everything is as it comes.' : `None has "${words}" in its name or description.`}</Empty>}
        />
      </Card>
    </>
  );
}

const columns: readonly Column<Setting>[] = [
  {
    key: 'name',
    title: 'Setting',
    render: (setting) => (
      <span class="mono truncate" data-tip={setting.about}>
        {setting.name}
      </span>
    ),
  },
  {
    key: 'value',
    title: 'Value',
    render: (setting) => (
      <span class={`mono truncate ${setting.isDefault ? 'muted' : ''}`} data-tip={setting.value}>
        {setting.value}
      </span>
    ),
  },
  {
    key: 'from',
    title: 'From',
    width: '210px',
    minor: true,
    render: (setting) => (
      <span class="truncate" data-tip={setting.hides.length === 0 ? undefined : `Hides ${setting.hides.join(', ')}`}>
        {setting.from}
      </span>
    ),
  },
  {
    key: 'change',
    title: 'To change it',
    width: '280px',
    minor: true,
    render: (setting) => (
      <span class="muted truncate" data-tip={setting.change}>
        {setting.change}
      </span>
    ),
  },
];
