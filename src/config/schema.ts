/** Every key of the configuration: environment names (the first is canonical), kind, default, one sentence. From this table derive
 *  the environment override, studio.config.ts's type, `studio config explain` and the README's table. Holds no values and reads nothing. */
import {
  databaseUrl,
  domains,
  flag,
  httpUrl,
  jsonList,
  list,
  oneOf,
  origins,
  path,
  redisUrl,
  secret,
  smtpUrl,
  text,
  whole,
  workerName,
  type Kind,
} from './parse.ts';

export interface KeySpec<T = unknown> {
  readonly env: readonly [string, ...string[]];
  readonly kind: Kind<T>;
  /** Undefined: not set, which is a value of its own. */
  readonly fallback: T | undefined;
  readonly about: string;
  /** What the default reads like where it is not a constant. */
  readonly fallbackText?: string;
  readonly isSecret?: true;
  /** Made once with 256 random bits and kept in the workspace's .env. */
  readonly isGenerated?: true;
  /** Where it stands in a configuration file of another system: `server.port`. */
  readonly section?: string;
}

type Extra = Omit<KeySpec, 'env' | 'kind' | 'fallback' | 'about'>;

function key<T>(env: string, kind: Kind<T>, fallback: T, about: string, extra: Extra = {}): KeySpec<T> & { readonly fallback: T } {
  return { env: env.split(' ') as [string, ...string[]], kind, fallback, about, ...extra };
}

function optional<T>(env: string, kind: Kind<T>, about: string, extra: Extra = {}): KeySpec<T> & { readonly fallback: undefined } {
  return { env: env.split(' ') as [string, ...string[]], kind, fallback: undefined, about, ...extra };
}

const generated: Extra = { isSecret: true, isGenerated: true, fallbackText: 'generated' };
const hops = whole(0, 10);
const clientSecret: Extra = { isSecret: true };

export const keys = {
  env: key('ENV', oneOf(['development', 'production', 'staging', 'test']), 'development', 'production refuses weak secrets.'),
  debug: key('DEBUG', flag, false, 'Log at level debug.'),
  host: key('HOST', text, '0.0.0.0', 'Address of the one public listener.', { section: 'server.host' }),
  port: key('PORT', whole(1, 65_535), 8000, 'Port of the one public listener.', { section: 'server.port' }),
  workspacePath: optional('WORKSPACE_PATH', path, 'All state.', { fallbackText: '/workspace, else ~/.local/share/studio', section: 'storage.path' }),
  storagePlan: key(
    'STUDIO_STORAGE_PLAN',
    oneOf(['auto', 'direct', 'shadow', 'ephemeral']),
    'auto',
    "Where the embedded database lives: direct (on the workspace), shadow (on this machine's disk, copied to the workspace as it changes), or as the probe says.",
  ),
  localPath: optional('STUDIO_LOCAL_PATH', path, "This machine's own disk: for the database when the workspace can't hold it.", {
    fallbackText: '/var/lib/studio, else ~/.local/state/studio',
  }),
  shadowMode: key(
    'STUDIO_SHADOW_MODE',
    oneOf(['sync', 'async']),
    'sync',
    'sync: a commit waits until it is on the workspace, and nothing acknowledged is lost with this machine; async: it does not, and the window is shown.',
  ),
  shadowBaseHours: key('STUDIO_SHADOW_BASE_HOURS', whole(1, 720), 24, 'A new base backup of the shadow after so many hours,'),
  shadowBaseWalBytes: key(
    'STUDIO_SHADOW_BASE_WAL_BYTES',
    whole(64 * 1024 ** 2, Number.MAX_SAFE_INTEGER),
    1024 ** 3,
    'or after so much log, which is what a restore replays.',
  ),
  shadowBases: key('STUDIO_SHADOW_BASES', whole(1, 100), 2, 'How many base backups of the shadow are kept, with the log since.'),
  workspaceId: optional('STUDIO_WORKSPACE_ID', text, 'Names this workspace; marks its PostgreSQL.', { isGenerated: true, fallbackText: 'generated' }),
  databaseUrl: optional('DATABASE_URL LLMCTL_STUDIO_DATABASE_URI', databaseUrl, 'PostgreSQL elsewhere; default database selfhost_studio.', {
    isSecret: true,
    fallbackText: 'embedded',
  }),
  redisUrl: optional('REDIS_URL', redisUrl, 'Redis elsewhere.', { isSecret: true, fallbackText: 'embedded' }),
  postgresPassword: optional('POSTGRES_PASSWORD', secret, "Password of the embedded PostgreSQL's roles.", generated),
  jwtSecretKey: optional('JWT_SECRET_KEY', secret, 'Signs access tokens.', { ...generated, section: 'security.jwt_secret' }),
  workerSharedSecret: optional('WORKER_SHARED_SECRET', secret, 'What a joining worker must know.', generated),
  credentialEncryptionKey: optional('CREDENTIAL_ENCRYPTION_KEY', secret, 'Encrypts stored secrets; losing it loses them.', generated),
  adminEmail: optional('ADMIN_EMAIL', text, 'With ADMIN_PASSWORD: creates the first super admin instead of a claim link.'),
  adminPassword: optional('ADMIN_PASSWORD', secret, 'Must be changed at the first login.', clientSecret),
  createTables: optional('CREATE_TABLES', flag, 'Apply migrations (true) or only check them (false).', {
    fallbackText: 'true; false when managed in production',
  }),
  corsOrigins: key<readonly string[]>('CORS_ORIGINS', origins, [], 'Origins beside its own that may call over HTTP and WebSocket.', {
    fallbackText: 'same origin',
  }),
  allowedHosts: key<readonly string[]>('ALLOWED_HOSTS', list, [], 'Host headers that are answered.', { fallbackText: 'any' }),
  proxyFixEnabled: key('PROXY_FIX_ENABLED LLMCTL_STUDIO_PROXY_FIX_ENABLED', flag, false, 'Trust X-Forwarded-* of the proxies in front.'),
  proxyFixFor: key('PROXY_FIX_X_FOR LLMCTL_STUDIO_PROXY_FIX_X_FOR', hops, 1, 'Trusted hops of X-Forwarded-For, counted from the right.'),
  proxyFixProto: key('PROXY_FIX_X_PROTO LLMCTL_STUDIO_PROXY_FIX_X_PROTO', hops, 1, 'Trusted hops of X-Forwarded-Proto.'),
  proxyFixHost: key('PROXY_FIX_X_HOST LLMCTL_STUDIO_PROXY_FIX_X_HOST', hops, 1, 'Trusted hops of X-Forwarded-Host.'),
  proxyFixPort: key('PROXY_FIX_X_PORT LLMCTL_STUDIO_PROXY_FIX_X_PORT', hops, 1, 'Trusted hops of X-Forwarded-Port.'),
  proxyFixPrefix: key('PROXY_FIX_X_PREFIX LLMCTL_STUDIO_PROXY_FIX_X_PREFIX', hops, 1, 'Trusted hops of X-Forwarded-Prefix.'),
  tlsCertFile: optional('TLS_CERT_FILE GUNICORN_CERTFILE', path, 'Certificate chain: serves HTTPS directly.'),
  tlsKeyFile: optional('TLS_KEY_FILE GUNICORN_KEYFILE', path, 'Private key of the certificate.'),
  tlsCaFile: optional('TLS_CA_FILE GUNICORN_CA_CERTS', path, 'Authorities whose client certificates are asked for.'),
  requestTimeoutS: key('REQUEST_TIMEOUT_S GUNICORN_TIMEOUT', whole(1, 3_600), 120, 'Longest time of one request, in seconds; streams are exempt.'),
  gracefulTimeoutS: key('GRACEFUL_TIMEOUT_S GUNICORN_GRACEFUL_TIMEOUT', whole(1, 300), 30, 'Longest time of a stop, in seconds.'),
  keepAliveS: key('KEEPALIVE_S GUNICORN_KEEPALIVE', whole(0, 3_600), 5, 'How long an idle connection is kept, in seconds.'),
  databaseCheckEnabled: key('DB_HEALTHCHECK_ENABLED LLMCTL_STUDIO_DB_HEALTHCHECK_ENABLED', flag, true, 'Wait for the database before the start goes on.'),
  databaseCheckTimeoutS: key(
    'DB_HEALTHCHECK_TIMEOUT_SECONDS LLMCTL_STUDIO_DB_HEALTHCHECK_TIMEOUT_SECONDS',
    whole(1, 3_600),
    60,
    'How long it waits, in seconds.',
  ),
  databaseCheckIntervalS: key(
    'DB_HEALTHCHECK_INTERVAL_SECONDS LLMCTL_STUDIO_DB_HEALTHCHECK_INTERVAL_SECONDS',
    whole(1, 60),
    2,
    'Time between two tries, in seconds.',
  ),
  gateEnabled: key('MCP_WAIT_ENABLED LLMCTL_STUDIO_MCP_WAIT_ENABLED', flag, true, 'Wait for MCP_REQUIRED_ENDPOINTS before the start goes on.'),
  gateTimeoutS: key(
    'MCP_WAIT_TIMEOUT_SECONDS LLMCTL_STUDIO_MCP_WAIT_TIMEOUT_SECONDS',
    whole(1, 3_600),
    240,
    'How long it waits, in seconds; then the start fails.',
  ),
  gateEndpoints: key<readonly string[]>(
    'MCP_REQUIRED_ENDPOINTS LLMCTL_STUDIO_MCP_REQUIRED_ENDPOINTS',
    list,
    [],
    'URLs that must answer, whatever the status.',
    { fallbackText: 'none' },
  ),
  cloudflareTunnelToken: optional('CLOUDFLARE_TUNNEL_TOKEN', secret, 'Runs cloudflared as a service.', clientSecret),
  tunnelDomains: key<readonly string[]>(
    'CLOUDFLARE_TUNNEL_DOMAINS',
    domains,
    [],
    'Names under which the tunnel is reached: what the DNS needs is told, and verified.',
    {
      fallbackText: 'none',
    },
  ),
  googleClientId: optional('GOOGLE_CLIENT_ID', text, 'Login with Google.'),
  googleClientSecret: optional('GOOGLE_CLIENT_SECRET', secret, 'Login with Google.', clientSecret),
  githubClientId: optional('GITHUB_CLIENT_ID', text, 'Login with GitHub.'),
  githubClientSecret: optional('GITHUB_CLIENT_SECRET', secret, 'Login with GitHub.', clientSecret),
  smtpUrl: optional('SMTP_URL', smtpUrl, 'Mail server for notifications by e-mail: smtps://user:password@host, or smtp:// with STARTTLS.', clientSecret),
  smtpFrom: optional('SMTP_FROM', text, 'Sender of e-mail, an address or Name <address>.', { fallbackText: 'the user of SMTP_URL' }),
  hfEndpoint: key('HF_ENDPOINT', httpUrl, 'https://huggingface.co', 'Where repositories of models are downloaded from: Hugging Face, or a mirror of it.'),
  hfToken: optional('HF_TOKEN HUGGING_FACE_HUB_TOKEN', secret, 'Sent to HF_ENDPOINT alone, for orgs without a secret HF_TOKEN.', clientSecret),
  runpodApiKey: optional('RUNPOD_API_KEY', secret, 'Lets an idle pod stop itself.', clientSecret),
  runpodPodId: optional('RUNPOD_POD_ID', text, "The pod's name; proposes the public address."),
  logLevel: optional('LOG_LEVEL GUNICORN_LOG_LEVEL', oneOf(['debug', 'info', 'warn', 'error']), 'Lowest level that is logged.', {
    fallbackText: 'info; debug with DEBUG',
  }),
  logFormat: optional('LOG_FORMAT', oneOf(['json', 'pretty']), 'How log lines look.', { fallbackText: 'pretty at a terminal, else json' }),
  logFileMaxBytes: key(
    'LOG_FILE_MAX_BYTES',
    whole(4_096, Number.MAX_SAFE_INTEGER),
    10 * 1024 ** 2,
    'Size at which logs/studio.log is set aside and begun anew.',
  ),
  logFileKeep: key('LOG_FILE_KEEP', whole(0, 1_000), 5, 'Older log files that are kept: studio.log.1, .2, …'),
  logSyslog: key('LOG_SYSLOG', text, 'unix:/dev/log', 'Where syslog is, with LOG_SINK=syslog: unix:/dev/log, udp://host:514 or tcp://host:601 (RFC 5424).'),
  logSink: key('LOG_SINK', oneOf(['stdout', 'file', 'syslog']), 'stdout', 'Where log lines go; file: logs/studio.log in the workspace.'),
  role: key('STUDIO_ROLE', oneOf(['all', 'worker']), 'all', 'worker: only runs jobs, for a Studio with the same DATABASE_URL and workspace.'),
  workerName: optional('STUDIO_WORKER_NAME', workerName, 'Of a worker: its folder below workers in the workspace.', {
    fallbackText: "the machine's name",
  }),
  workerQueues: key<readonly string[]>('STUDIO_QUEUES', list, [], 'Queues that this process takes jobs from; none: it takes no jobs at all.', {
    fallbackText: 'all',
  }),
  stopJobs: key('STUDIO_STOP_JOBS', oneOf(['keep', 'stop']), 'keep', 'What happens to running jobs when Studio stops.'),
  dropFolder: key('STUDIO_DROP_FOLDER', flag, true, 'Take jobs from jobs/drop/pending in the workspace, while nobody else can write there.'),
  venvPath: optional('STUDIO_VENV_PATH', path, 'Where virtual environments of Python jobs are kept: a local disk.', {
    fallbackText: "the system's temporary folder",
  }),
  venvLimitBytes: key('STUDIO_VENV_LIMIT_BYTES', whole(0, Number.MAX_SAFE_INTEGER), 20 * 1024 ** 3, 'Beyond it, those not used for longest are removed.'),
  gpuReserveBytes: key(
    'GPU_RESERVE_BYTES',
    whole(0, Number.MAX_SAFE_INTEGER),
    512 * 1024 ** 2,
    'Of each GPU, given to nobody: for the driver and what it does not tell.',
  ),
  runRetentionDays: key('RUN_RETENTION_DAYS', whole(0, 3_650), 90, 'Ended instances are kept for so many days; 0: for ever. A workflow may keep less.'),
  runPartitionDays: key('RUN_PARTITION_DAYS', whole(1, 366), 7, 'Instances of so many days lie together and are dropped together.'),
  runDataBudgetBytes: optional('RUN_DATA_BUDGET_BYTES', whole(0, Number.MAX_SAFE_INTEGER), 'Alarm when instances take more of the database; 0: no limit.', {
    fallbackText: 'half of the volume; none when managed',
  }),
  runDataOverBudget: key(
    'RUN_DATA_OVER_BUDGET',
    oneOf(['alarm', 'drop']),
    'alarm',
    'drop: over the budget the oldest days go before their time, live instances excepted.',
  ),
  otelEndpoint: optional('OTEL_EXPORTER_OTLP_ENDPOINT', text, 'Collector of OpenTelemetry that traces are sent to, over HTTP; /v1/traces is added.', {
    fallbackText: 'no traces',
  }),
  otelTracesEndpoint: optional('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', text, 'The same, for traces alone: the whole address.'),
  otelHeaders: optional('OTEL_EXPORTER_OTLP_HEADERS', text, 'Sent along: name=value,name=value with values percent-encoded.', clientSecret),
  otelProtocol: key('OTEL_EXPORTER_OTLP_PROTOCOL', text, 'http/protobuf', 'http/protobuf or http/json.'),
  otelServiceName: key('OTEL_SERVICE_NAME', text, 'studio', 'What traces call this Studio.'),
  otelResourceAttributes: optional('OTEL_RESOURCE_ATTRIBUTES', text, 'What else traces say of it: name=value,name=value.'),
  otelSampler: key(
    'OTEL_TRACES_SAMPLER',
    text,
    'parentbased_always_on',
    'Which traces are kept: always_on, always_off, traceidratio, or parentbased_ before one of them.',
  ),
  otelSamplerArg: optional('OTEL_TRACES_SAMPLER_ARG', text, 'With traceidratio: which share of them, 0 to 1.'),
  otelDelay: optional('OTEL_BSP_SCHEDULE_DELAY', text, 'Longest that spans wait to be sent together, in ms.', { fallbackText: '2000' }),
  otelQueue: optional('OTEL_BSP_MAX_QUEUE_SIZE', text, 'Spans that may wait; more are dropped and counted.', { fallbackText: '8192' }),
  otelDisabled: key('OTEL_SDK_DISABLED', flag, false, 'No traces, whatever else is set.'),
  backupTarget: optional('BACKUP_TARGET', text, 'Where backups lie: an absolute folder, or s3://bucket/prefix.', { fallbackText: 'backups in the workspace' }),
  backupPassphrase: optional('BACKUP_PASSPHRASE', secret, 'Seals backups, and lets them carry the keys of the workspace. Keep it elsewhere too.', clientSecret),
  backupS3Endpoint: optional('BACKUP_S3_ENDPOINT', httpUrl, 'Where the bucket is, when not at Amazon: MinIO, R2, B2, Ceph.', {
    fallbackText: "Amazon's of the region",
  }),
  backupS3Region: key('BACKUP_S3_REGION AWS_REGION', text, 'us-east-1', 'Region of the bucket.'),
  backupS3AccessKeyId: optional('BACKUP_S3_ACCESS_KEY_ID AWS_ACCESS_KEY_ID', text, 'Key of the bucket.'),
  backupS3SecretAccessKey: optional('BACKUP_S3_SECRET_ACCESS_KEY AWS_SECRET_ACCESS_KEY', secret, 'Secret of that key.', clientSecret),
  maxConcurrentStarts: key('MAX_CONCURRENT_STARTS ENV_MANAGER_MAX_CONCURRENT', whole(1, 1_000), 5, 'How many services start at once.', {
    section: 'max_concurrent_starts',
  }),
  healthCheckTimeoutS: key(
    'HEALTH_CHECK_TIMEOUT_SECS ENV_MANAGER_HEALTH_TIMEOUT',
    whole(1, 86_400),
    60,
    'How long a service may take until it answers its health check, in seconds, where its definition does not say.',
    { section: 'health_check_timeout_secs' },
  ),
  healthCheckMaxAttempts: key('HEALTH_CHECK_MAX_ATTEMPTS', whole(1, 10_000), 30, 'How often it is asked in that time.', {
    section: 'health_check_max_attempts',
  }),
  services: key<readonly unknown[]>(
    'STUDIO_SERVICES',
    jsonList,
    [],
    'Services of this machine: a list of definitions as services/*.yaml in the workspace hold them.',
    {
      fallbackText: 'none',
    },
  ),
  runpodApiUrl: key('RUNPOD_API_URL', text, 'https://rest.runpod.io/v1', 'Where the API of RunPod is.'),
  strictEnv: key('STUDIO_STRICT_ENV', flag, false, 'Refuse missing variables as a managed deployment does.'),
} as const satisfies Record<string, KeySpec>;

export type KeyName = keyof typeof keys;

type ValueOf<Spec> = Spec extends { readonly kind: Kind<infer T>; readonly fallback: infer F } ? (F extends undefined ? T | undefined : T) : never;

/** What each key holds once read. */
export type Values = { readonly [K in KeyName]: ValueOf<(typeof keys)[K]> };

export interface EmbeddedDatabase {
  readonly kind: 'embedded';
  readonly name: string;
  /** Of a DATABASE_URL that names this machine: listen there, and make that login. */
  readonly tcpPort?: number;
  readonly login?: { readonly name: string; readonly password: string };
}

export type DatabaseConfig = EmbeddedDatabase | { readonly kind: 'managed'; readonly url: string };
export type RedisConfig = { readonly kind: 'embedded' } | { readonly kind: 'managed'; readonly url: string };

/** All that a part may ask for. Secrets are there once `completeConfig` has run. */
export interface Config extends Omit<Values, 'workspacePath' | 'createTables' | 'logLevel' | 'logFormat'> {
  readonly mode: 'embedded' | 'managed';
  readonly database: DatabaseConfig;
  readonly redis: RedisConfig;
  /** What belongs to this process alone. */
  readonly workspacePath: string;
  /** Jobs and files; of a worker the workspace of the Studio that it works for, else workspacePath. */
  readonly sharedPath: string;
  readonly createTables: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'json' | 'pretty';
}

/** A configuration whose generated values stand. */
export interface CompleteConfig extends Config {
  readonly workspaceId: string;
  readonly postgresPassword: string;
  readonly jwtSecretKey: string;
  readonly workerSharedSecret: string;
  readonly credentialEncryptionKey: string;
}

/** What studio.config.ts may set: any key but those made once. */
export type FileConfig = { readonly [K in Exclude<KeyName, 'workspaceId'>]?: NonNullable<Values[K]> };

/** Types this machine's values: `export default defineConfig({ port: 8000 })`. */
export function defineConfig(values: FileConfig): FileConfig {
  return values;
}
