/** The domains that lead here through the tunnel: what the DNS needs for each, and whether it works. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { useCommands } from '../../shell/commands.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Card, Facts } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { Banner, Empty, ErrorView, View } from '../../ui/views.tsx';
import { verdictStatus, verdictWords } from './domain-words.ts';
import type { JSX } from 'preact';
import type { Domains } from '../../../src/contract/domains.ts';

type Domain = Domains['items'][number];

export function DomainsCard(): JSX.Element {
  const domains = useResource((signal) => call('GET /api/v1/system/domains', { signal }), []);
  const asked = useSignal('');
  const verify = useAction(async (names: readonly string[]) => {
    // Serial: each takes its time, and shows when it is done.
    for (const domain of names) {
      asked.value = domain;
      await call('POST /api/v1/system/domains/verify', { body: { domain } });
      domains.set(await call('GET /api/v1/system/domains', {}));
    }
  });
  const all = domains.value?.items.map(({ domain }) => domain) ?? [];
  useCommands([
    { id: 'domains:verify', title: 'Verify all domains', group: 'This page', disabled: all.length === 0 || verify.busy, run: () => void verify.run(all) },
  ]);
  return (
    <Card
      title="Domains"
      aside={
        all.length > 0 && (
          <Button size="small" busy={verify.busy} onClick={() => void verify.run(all)}>
            Verify all domains
          </Button>
        )
      }
    >
      <View of={domains} what="The domains">
        {(value) => (
          <div class="stack">
            {verify.error !== undefined && <ErrorView compact title={`${asked.value} was not verified`} error={verify.error} />}
            <Tunnel of={value.tunnel} count={value.items.length} />
            {value.items.map((domain) => (
              <DomainFacts key={domain.domain} of={domain} busy={verify.busy && asked.value === domain.domain} />
            ))}
          </div>
        )}
      </View>
    </Card>
  );
}

function Tunnel({ of: tunnel, count }: { readonly of: Domains['tunnel']; readonly count: number }): JSX.Element {
  if (!tunnel.isSet)
    return (
      <Empty title="No tunnel">
        Set CLOUDFLARE_TUNNEL_TOKEN and CLOUDFLARE_TUNNEL_DOMAINS, and people reach this Studio under a name of yours without an open port.
      </Empty>
    );
  return (
    <>
      {tunnel.id === null && (
        <Banner tone="warn">The token names no tunnel, so what the DNS needs can’t be told. The page of the tunnel at Cloudflare shows it.</Banner>
      )}
      {count === 0 && <Banner tone="note">No domain is named: set CLOUDFLARE_TUNNEL_DOMAINS, or confirm the public address below.</Banner>}
      <Facts
        facts={[
          ['Tunnel', tunnel.id === null ? undefined : <span class="mono">{tunnel.id}</span>],
          ['cloudflared', tunnel.state ?? 'Not started: a restart starts it'],
        ]}
      />
    </>
  );
}

function DomainFacts({ of: { domain, setBy, record, last }, busy }: { readonly of: Domain; readonly busy: boolean }): JSX.Element {
  return (
    <section class="stack stack-tight" aria-label={domain}>
      <div class="row row-wrap">
        <strong class="mono">{domain}</strong>
        {busy ? (
          <span class="muted" role="status">
            Looks…
          </span>
        ) : (
          <StatusChip bare status={verdictStatus(last?.verdict)} word={verdictWords(last?.verdict)} />
        )}
        {last !== null && !busy && (
          <span class="muted">
            <RelativeTime at={last.at} />
          </span>
        )}
      </div>
      <Facts
        facts={[
          ['DNS record', record === null ? undefined : <RecordLine key="record" record={record} />],
          ['Seen there', last === null ? undefined : [...last.cnames, ...last.addresses].join(', ')],
          ['So', last?.message],
          ['Named by', setBy],
        ]}
      />
    </section>
  );
}

function RecordLine({ record }: { readonly record: NonNullable<Domain['record']> }): JSX.Element {
  return (
    <span class="row row-wrap">
      <span class="mono">
        {record.type} {record.name} → {record.value}
      </span>
      <CopyButton text={record.value} label={`Copy what ${record.name} points at`} />
    </span>
  );
}
