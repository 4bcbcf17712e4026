/** How the organisation may use models: other names for programs that can't be told, which models are seen, how much of them. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Field, Textarea } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';
import { toast } from '../../ui/toast.tsx';
import { View } from '../../ui/views.tsx';
import { CardForm } from '../settings/card-form.tsx';
import { aliasesOfText, textOfAliases } from './alias-draft.ts';
import { draftOfLimits, limitsOfDraft } from './limits-draft.ts';
import { LimitsFields } from './limits-fields.tsx';
import { ModelTabs } from './model-tabs.tsx';
import type { JSX } from 'preact';
import type { Settings, SettingsPatch } from '../../../src/contract/settings.ts';

interface Part {
  readonly settings: Settings;
  readonly mayChange: boolean;
  readonly onSaved: (settings: Settings) => void;
}

export function ModelAccessPage(): JSX.Element {
  const settings = useResource((signal) => call('GET /api/v1/settings', { signal }), []);
  const role = me.value?.role;
  const isSuper = role === 'super_admin';
  return (
    <Page title="Names and limits" toolbar={<ModelTabs current="/model-access" />}>
      <View of={settings} what="Settings">
        {(value) => (
          <div class="settings">
            <Aliases settings={value} mayChange={isSuper || role === 'admin'} onSaved={settings.set} />
            <Visible settings={value} mayChange={isSuper} onSaved={settings.set} />
            <Limits settings={value} mayChange={isSuper} onSaved={settings.set} />
          </div>
        )}
      </View>
    </Page>
  );
}

/** Saves a part of the settings; the text stays as typed when it is refused. */
function useSave(onSaved: Part['onSaved']) {
  return useAction(async (patch: SettingsPatch) => {
    onSaved(await call('PATCH /api/v1/settings', { body: patch }));
    toast({ text: 'Saved' });
  });
}

function Aliases({ settings, mayChange, onSaved }: Part): JSX.Element {
  const present = textOfAliases(settings.modelAliases);
  const text = useSignal(present);
  const save = useSave(onSaved);
  const read = aliasesOfText(text.value);
  const fault = 'fault' in read ? read.fault : faultOf(save.error, 'modelAliases');
  return (
    <CardForm
      title="Other names"
      action="Save"
      busy={save.busy}
      disabled={!mayChange || 'fault' in read || text.value === present}
      error={save.error}
      fields={['modelAliases']}
      onSend={() => 'aliases' in read && void save.run({ modelAliases: read.aliases })}
    >
      <Field label="Names" optional hint="One a line. A program that asks for the name at the left is answered by the model at the right." fault={fault}>
        {(links) => (
          <Textarea
            {...links}
            mono
            rows={5}
            disabled={!mayChange}
            placeholder={'gpt-4o = qwen3-8b\ntext-embedding-3-small = bge-m3'}
            value={text.value}
            onInput={(value) => (text.value = value)}
          />
        )}
      </Field>
    </CardForm>
  );
}

function Visible({ settings, mayChange, onSaved }: Part): JSX.Element {
  const present = settings.visibleModels.join('\n');
  const text = useSignal(present);
  const save = useSave(onSaved);
  const listed = text.value.split(/[\s,]+/).filter((name) => name !== '');
  return (
    <CardForm
      title="Models that the organisation sees"
      action="Save"
      busy={save.busy}
      disabled={!mayChange || text.value === present}
      error={save.error}
      fields={['visibleModels']}
      onSend={() => void save.run({ visibleModels: listed })}
    >
      <Field label="Models" optional hint="One a line, * for any part of a name. Empty: every model." fault={faultOf(save.error, 'visibleModels')}>
        {(links) => (
          <Textarea {...links} mono rows={3} disabled={!mayChange} placeholder="qwen3-*" value={text.value} onInput={(value) => (text.value = value)} />
        )}
      </Field>
    </CardForm>
  );
}

function Limits({ settings, mayChange, onSaved }: Part): JSX.Element {
  const draft = useSignal(draftOfLimits(settings.modelLimits));
  const save = useSave(onSaved);
  const limits = limitsOfDraft(draft.value);
  return (
    <CardForm
      title="Limits of the organisation"
      action="Save"
      busy={save.busy}
      disabled={!mayChange || limits === undefined}
      error={save.error}
      fields={[]}
      onSend={() => limits !== undefined && void save.run({ modelLimits: limits })}
    >
      <p class="muted small">
        Of all its people, keys and workflows together. <a href={href('/settings/keys')}>API keys</a> may have limits of their own.
      </p>
      <LimitsFields draft={draft.value} disabled={!mayChange} onChange={(next) => (draft.value = next)} />
    </CardForm>
  );
}
