/** Where data is, how it is protected, what leaves the machine, how long it is kept: read from what runs, to be shown to who asks. */
import { call } from '../../api.ts';
import { href } from '../../route.ts';
import { useCommands } from '../../shell/commands.ts';
import { saveAs } from '../../state/orgs.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Card, Facts } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { Banner, View } from '../../ui/views.tsx';
import {
  className,
  diskFacts,
  disksOf,
  grouped,
  hashedWords,
  hopsWords,
  outgoingFacts,
  outgoingWords,
  placeFacts,
  placeWords,
  retentionWords,
  sealedCount,
  sealedWords,
} from './compliance-words.ts';
import type { ComponentChildren, JSX } from 'preact';
import type { Compliance } from '../../../src/contract/compliance.ts';

export function ComplianceSection(): JSX.Element {
  const report = useResource((signal) => call('GET /api/v1/system/compliance', { signal }), []);
  const save = (): void => {
    if (report.value !== undefined) saveAs(`studio-compliance-${report.value.at.slice(0, 10)}.json`, `${JSON.stringify(report.value, null, 2)}\n`);
  };
  useCommands([
    { id: 'compliance:download', title: 'Download as JSON', group: 'This page', keys: 'd', disabled: report.value === undefined, run: save },
    { id: 'compliance:reload', title: 'Look again', group: 'This page', keys: 'r', run: report.reload },
  ]);
  return (
    <View of={report} what="The report">
      {(value) => (
        <>
          <Card
            title="Compliance"
            aside={
              <>
                <Button size="small" onClick={report.reload}>
                  Look again
                </Button>
                <Button size="small" onClick={save}>
                  Download as JSON
                </Button>
              </>
            }
          >
            <div class="stack">
              <p class="muted">Read from the configuration, the database and the disks as they are now. It holds no key, no secret and no content.</p>
              <Facts
                facts={[
                  ['Read', <RelativeTime key="at" at={value.at} />],
                  ['Studio', `${value.version} on ${value.host}`],
                  ['Workspace', <Mono key="workspace">{value.workspacePath}</Mono>],
                ]}
              />
            </div>
          </Card>
          <Places places={value.places} />
          <Protection value={value} />
          <Transport value={value.transport} />
          <Leaving rows={value.outgoing} />
          <Kept rows={value.retention} />
          <Rights rows={value.rights} />
        </>
      )}
    </View>
  );
}

function Places({ places }: { readonly places: Compliance['places'] }): JSX.Element {
  const disks = disksOf(places);
  const usual = disks[0]?.mountPoint;
  return (
    <Card title="Where data is">
      <Facts
        facts={[
          ['Disks', <Several key="disks" rows={disks.map((disk) => ({ key: disk.mountPoint, main: diskFacts(disk) }))} />],
          ...grouped(places, (place) => place.class).map(
            ([name, rows]) =>
              [
                placeWords[name],
                <Several key={name} rows={rows.map((place) => ({ key: place.where, main: <Mono>{place.where}</Mono>, more: placeFacts(place, usual) }))} />,
              ] as const,
          ),
        ]}
      />
    </Card>
  );
}

function Rights({ rows }: { readonly rows: Compliance['rights'] }): JSX.Element {
  return (
    <Card title="Taking data along, and deleting it">
      <ul class="stack">
        {rows.map(({ what, call: name, page }) => (
          <li key={what} class="stack stack-tight">
            {page === null ? what : <a href={href(page)}>{what}</a>}
            <span class="mono muted">{name}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Protection({ value: { encryption, hashing } }: { readonly value: Compliance }): JSX.Element {
  const unreadable = encryption.sealed.reduce((sum, one) => sum + one.unreadable, 0);
  return (
    <div class="settings-pair">
      <Card title="Encryption">
        <div class="stack">
          {unreadable > 0 && (
            <Banner tone="bad">Some values were sealed with another key. Bring the old CREDENTIAL_ENCRYPTION_KEY back, or set them again.</Banner>
          )}
          <Facts
            facts={[
              ['Secrets', <Mono key="algorithm">{`${encryption.algorithm}, ${encryption.keyDerivation}`}</Mono>],
              ['Key', <Beside key="key" main={<Mono>{encryption.keyId}</Mono>} more={encryption.keySource} />],
              ...encryption.sealed.map((one) => [`${sealedWords[one.what]} kept`, sealedCount(one)] as const),
              [
                'Backups',
                encryption.backups.isSealed ? (
                  <Mono key="backups">{`${encryption.backups.algorithm}, ${encryption.backups.keyDerivation}`}</Mono>
                ) : (
                  'Not sealed'
                ),
              ],
              ['Passphrase', encryption.backups.keySource],
              ['All the rest', 'As the disks it lies on: Studio seals values, not disks'],
            ]}
          />
        </div>
      </Card>
      <Card title="Hashes and signatures">
        <Facts
          facts={grouped(hashing, (row) => row.what).map(([what, rows]) => [
            hashedWords[what],
            <Several
              key={what}
              rows={rows.map((row) => ({
                key: row.algorithm,
                main: <Mono>{row.algorithm}</Mono>,
                more: row.count === null ? row.note : `${row.count}, ${row.note}`,
              }))}
            />,
          ])}
        />
      </Card>
    </div>
  );
}

function Transport({ value }: { readonly value: Compliance['transport'] }): JSX.Element {
  const { certificate } = value;
  return (
    <Card title="Ways in">
      <div class="stack">
        {value.certificateFault !== null && <Banner tone="bad">{value.certificateFault}</Banner>}
        <Facts
          facts={[
            ['Listens', <Mono key="listens">{`${value.scheme}://${value.address}`}</Mono>],
            [
              'Certificate',
              certificate === null ? (
                value.scheme === 'http' ? (
                  'None: TLS ends before Studio, or nowhere'
                ) : undefined
              ) : (
                <Beside key="certificate" main={certificate.subject} more={`by ${certificate.issuer}, until ${certificate.validTo.slice(0, 10)}`} />
              ),
            ],
            ['Client certificates', value.asksClientCertificates ? 'Asked for' : 'Not asked for'],
            ['Proxies', hopsWords(value.proxy)],
            ['Public address', value.publicOrigin ?? 'Not confirmed'],
            ['Hosts answered', value.allowedHosts.join(', ') || 'Any'],
            ['Other origins', value.corsOrigins.join(', ') || 'None'],
            ['To the database', value.database],
            ['To Redis', value.redis],
          ]}
        />
      </div>
    </Card>
  );
}

function Leaving({ rows }: { readonly rows: Compliance['outgoing'] }): JSX.Element {
  return (
    <Card title="What leaves this machine">
      <Facts
        facts={rows.map((row) => [
          outgoingWords[row.kind],
          <Beside
            key={row.kind}
            main={row.hosts.length === 0 ? <span class="muted">Nothing</span> : <Mono>{row.hosts.join(', ')}</Mono>}
            more={outgoingFacts(row)}
          />,
        ])}
      />
    </Card>
  );
}

function Kept({ rows }: { readonly rows: Compliance['retention'] }): JSX.Element {
  return (
    <Card title="How long it is kept" aside={<a href={href('/settings/storage')}>Change it</a>}>
      <Facts
        facts={rows.map((row) => [
          className(row.class),
          <Beside key={row.class} main={retentionWords(row)} more={`${row.setBy}${row.note === null ? '' : `: ${row.note}`}`} />,
        ])}
      />
    </Card>
  );
}

function Mono(props: { readonly children: string }): JSX.Element {
  return <span class="mono">{props.children}</span>;
}

/** The facts behind stand in one line with it, where there is room. */
function Beside(props: { readonly main: ComponentChildren; readonly more: string }): JSX.Element {
  return (
    <span class="row row-wrap">
      <span>{props.main}</span>
      <span class="muted">{props.more}</span>
    </span>
  );
}

function Several(props: { readonly rows: readonly { readonly key: string; readonly main: ComponentChildren; readonly more?: string }[] }): JSX.Element {
  return (
    <span class="stack stack-tight">
      {props.rows.map((row) => (
        <Beside key={row.key} main={row.main} more={row.more ?? ''} />
      ))}
    </span>
  );
}
