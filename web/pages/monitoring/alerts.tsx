/** Studio's own alerts: what is wrong now, what was, and (for super administrators) from when on is told, and whom. */
import { call } from '../../api.ts';
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import type { Follow } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Card, Page } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Duration, RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Empty, ErrorView, View } from '../../ui/views.tsx';
import { AlertSettingsForm } from './alert-settings.tsx';
import { MonitoringTabs } from './tabs.tsx';
import type { JSX } from 'preact';
import type { Alert } from '../../../src/contract/alerts.ts';
import type { ReplyOf } from '../../../src/contract/index.ts';

const PAST = 50;

export function AlertsPage(): JSX.Element {
  const isOwner = me.value?.role === 'super_admin';
  const open = useResource((signal) => call('GET /api/v1/alerts', { query: { status: 'open', limit: 200 }, signal }), [], { follow: followAlerts });
  const past = useResource((signal) => call('GET /api/v1/alerts', { query: { status: 'resolved', limit: PAST }, signal }), [], { follow: followAlerts });
  const settings = useResource((signal) => call('GET /api/v1/alerts/settings', { signal }), [], { enabled: isOwner });
  const test = useAction(async () => {
    const { notifications, deliveries } = await call('POST /api/v1/alerts/test', {});
    toast({ text: `Told ${notifications} in the app, ${deliveries.length} beyond it` });
  });
  return (
    <Page
      title="Alerts"
      toolbar={<MonitoringTabs current="/alerts" />}
      actions={
        isOwner && (
          <Button busy={test.busy} onClick={() => void test.run()}>
            Send a test
          </Button>
        )
      }
    >
      {test.error !== undefined && <ErrorView compact title="The test could not be sent" error={test.error} />}
      <div class="settings">
        <View of={open} what="Open alerts">
          {({ items }) => (
            <Card title="Now" flush>
              {items.length === 0 ? (
                <Empty title="Nothing is wrong">What is wrong for long enough stands here, and its administrators are told once.</Empty>
              ) : (
                <AlertList alerts={items} />
              )}
            </Card>
          )}
        </View>
        <View of={past} what="Past alerts">
          {({ items }) => (
            <Card title="Before" flush aside={<span class="faint small">kept for 90 days</span>}>
              {items.length === 0 ? <Empty title="Nothing was wrong" /> : <AlertList alerts={items} />}
            </Card>
          )}
        </View>
        {isOwner && (
          <View of={settings} what="Settings of alerts">
            {(value) => <AlertSettingsForm key={JSON.stringify(value)} settings={value} onSaved={settings.set} />}
          </View>
        )}
      </div>
    </Page>
  );
}

type Alerts = ReplyOf<'GET /api/v1/alerts'>;

const followAlerts: Follow<Alerts> = { rooms: ['system'], apply: (value, event) => (event.event_type.startsWith('ops:alert:') ? 'reload' : value) };

function AlertList({ alerts }: { readonly alerts: readonly Alert[] }): JSX.Element {
  return (
    <ul class="work-list">
      {alerts.map((alert) => (
        <li key={alert.id} class="alert-row">
          <div class="row">
            <StatusChip bare status={statusOf(alert)} word={wordOf(alert)} />
            <span class="strong truncate grow">{alert.title}</span>
            <span class="small muted">
              <RelativeTime at={alert.beganAt} /> · <Duration from={alert.beganAt} to={alert.resolvedAt} />
            </span>
          </div>
          <p class="small muted">
            {alert.body}{' '}
            <a href={href(alert.help)} target="_blank" rel="noopener">
              What to do
            </a>
          </p>
        </li>
      ))}
    </ul>
  );
}

function statusOf(alert: Alert): string {
  if (alert.resolvedAt !== null) return 'completed';
  return alert.severity === 'critical' ? 'failed' : 'degraded';
}

function wordOf(alert: Alert): string {
  if (alert.resolvedAt !== null) return 'Over';
  return alert.severity === 'critical' ? 'Critical' : 'Warning';
}
