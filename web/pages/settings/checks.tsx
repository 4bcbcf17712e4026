/** What this Studio stands on, each part with whether it answers, why not, and the page that says what to do. */
import { call } from '../../api.ts';
import { href } from '../../route.ts';
import { health } from '../../state/health.ts';
import { useResource } from '../../state/resource.ts';
import { ButtonLink } from '../../ui/button.tsx';
import { Card, Facts } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { View } from '../../ui/views.tsx';
import type { JSX } from 'preact';
import type { ReplyOf } from '../../../src/contract/index.ts';

type Check = ReplyOf<'GET /api/v1/infrastructure/health/full'>['checks'][number];

const EVERY_MS = 30_000;

export function ChecksCard(): JSX.Element {
  // Read again when health says something else, too.
  const reasons = health.value?.reasons.join() ?? '';
  const full = useResource((signal) => call('GET /api/v1/infrastructure/health/full', { signal }), [reasons], { everyMs: EVERY_MS });
  return (
    <Card
      title="Checks"
      aside={
        <ButtonLink size="small" href={href('/docs/troubleshooting')} newTab>
          Troubleshooting
        </ButtonLink>
      }
    >
      <View of={full} what="The checks">
        {({ checks }) => <Facts facts={checks.map((check) => [check.name, <Answer key={check.name} check={check} />])} />}
      </View>
    </Card>
  );
}

function Answer({ check }: { readonly check: Check }): JSX.Element {
  const { name, ok, reason, help } = check;
  return (
    <span class="row row-wrap">
      <StatusChip bare status={statusOf(check)} {...(ok ? {} : { word: 'Does not answer' })} />
      {reason !== undefined && <span class="muted">{reason}</span>}
      {help !== undefined && (
        <a href={href(help)} target="_blank" rel="noopener" aria-label={`What to do about ${name}`}>
          What to do
        </a>
      )}
    </span>
  );
}

function statusOf({ ok, required }: Check): 'ok' | 'failed' | 'degraded' {
  if (ok) return 'ok';
  return required ? 'failed' : 'degraded';
}
