/** What leaves this machine, to which hosts, and what decides it: a row a kind, also where nothing leaves. Hosts alone, for a URL may hold a token. Pure. */
import type { Compliance } from '../contract/compliance.ts';
import type { CompleteConfig } from '../config/schema.ts';
import type { WrittenAddresses } from '../store/compliance.ts';
import { readTracing } from '../tracing/settings.ts';
import { parseSyslogTarget } from './syslog.ts';

type Outgoing = Compliance['outgoing'][number];

export interface OutgoingParts {
  readonly config: CompleteConfig;
  readonly written: WrittenAddresses;
  /** Undefined: backups stay on this machine. */
  readonly backupHost: string | undefined;
  readonly remoteUrls: readonly string[];
  readonly alertUrls: readonly string[];
  /** Alerts go by a webhook whose URL is a secret. */
  readonly hasSecretAlert: boolean;
}

/** What cloudflared connects to. @see Cloudflare's docs, Tunnel with firewall */
const TUNNEL_EDGE = '*.argotunnel.com';

export function listOutgoing({ config, written, ...parts }: OutgoingParts): Outgoing[] {
  const { settings: tracing } = readTracing(config);
  const row = (kind: Outgoing['kind'], urls: readonly (string | undefined)[], setBy: string, note: string | null = null): Outgoing => ({
    ...{ kind, setBy, note },
    hosts: [...new Set(urls.flatMap((url) => (url === undefined ? [] : [hostOf(url)])))].toSorted(),
  });
  const inSecret = (count: number): string | null => (count === 0 ? null : 'and to addresses that are kept as secrets');
  return [
    row('database', [config.database.kind === 'managed' ? config.database.url : undefined], 'DATABASE_URL'),
    row('redis', [config.redis.kind === 'managed' ? config.redis.url : undefined], 'REDIS_URL'),
    row('backups', [parts.backupHost], 'BACKUP_TARGET'),
    row('traces', [tracing?.url], 'OTEL_EXPORTER_OTLP_ENDPOINT'),
    row('logs', [syslogHost(config)], 'LOG_SINK, LOG_SYSLOG'),
    row('mail', [config.smtpUrl], 'SMTP_URL'),
    row('alerts', parts.alertUrls, 'alert settings', inSecret(parts.hasSecretAlert ? 1 : 0)),
    row('notifications', written.webhookUrls, 'rules of orgs and workflows', inSecret(written.secretWebhooks)),
    row('credentials', written.credentialHosts, 'credentials', written.credentialHosts.length === 0 ? null : 'where a step that names one sends it'),
    row('models', parts.remoteUrls, 'models of providers', parts.remoteUrls.length === 0 ? null : 'prompts and answers of those models'),
    row('downloads', [config.hfEndpoint], 'HF_ENDPOINT', 'when a super administrator downloads a model; also any URL that they give'),
    row(
      'tunnel',
      config.cloudflareTunnelToken === undefined ? [] : [TUNNEL_EDGE],
      'CLOUDFLARE_TUNNEL_TOKEN',
      'requests from outside and their answers pass it',
    ),
    row('pod', [config.runpodApiKey === undefined || config.runpodPodId === undefined ? undefined : config.runpodApiUrl], 'RUNPOD_API_KEY'),
    row('start_gate', config.gateEnabled ? config.gateEndpoints : [], 'MCP_REQUIRED_ENDPOINTS'),
    row('workflows', written.allowedHosts, 'steps of workflows', 'public addresses as the steps name them; of private ones these alone'),
    row('updates', [], 'Studio', 'it asks nobody for updates and sends no figures of use'),
  ];
}

function syslogHost({ logSink, logSyslog }: CompleteConfig): string | undefined {
  if (logSink !== 'syslog') return undefined;
  const { kind, host, port } = parseSyslogTarget(logSyslog);
  return kind === 'unix' ? undefined : `${host}:${port}`;
}

/** The host of a URL, or a rule that is one already (`*.example.com`, `http://host`). */
function hostOf(text: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
    ? (URL.parse(text)?.host ??
        text
          .replace(/^[^/]*\/\//, '')
          .replace(/[/?#].*$/, '')
          .replace(/^.*@/, ''))
    : text;
}
