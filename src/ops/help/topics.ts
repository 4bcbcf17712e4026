/** What can go wrong with Studio, page by page: how it shows, why, and what to do. Text only: links are slugs of other pages. */

export interface HelpPage {
  readonly title: string;
  /** How it shows. */
  readonly signs: readonly string[];
  readonly causes: readonly string[];
  /** In the order in which to try them. `code` stands between backticks. */
  readonly steps: readonly string[];
  /** Slugs of pages that are near. */
  readonly see?: readonly string[];
}

export const topics: Readonly<Record<string, HelpPage>> = {
  'api-does-not-start': {
    title: 'Studio does not start',
    signs: [
      'The page says "Studio can’t start", or nothing answers on the port.',
      'The process ends with one line on the terminal, or its service restarts again and again.',
    ],
    causes: [
      'Another program, often another Studio, has the port.',
      'The workspace is held by another Studio, or can’t be written.',
      'A setting is wrong, or an endpoint that MCP_REQUIRED_ENDPOINTS names does not answer.',
      'PostgreSQL does not come up.',
    ],
    steps: [
      'Read the last line on the terminal, or `studio logs -n 50`: it names what is wrong and what to do.',
      'Run `studio doctor`: it looks at port, workspace, database, Redis, limits and devices, and says what to do about each.',
      'The port is taken: stop who has it (the line names the process), or set `PORT`.',
      'Open the address in a browser: while Studio starts, the page shows how far it is and what holds it up; `/health/boot` says the same as JSON.',
    ],
    see: ['configuration', 'workspace', 'data-directory', 'database'],
  },
  database: {
    title: 'The database does not answer',
    signs: ['Calls are answered with 503 `database_unavailable`.', 'Health says "database: …"; pages are stale.', 'The alert "The database does not answer".'],
    causes: [
      'PostgreSQL was killed (often for lack of memory) and is coming back: that takes seconds.',
      'The disk is full: PostgreSQL can’t write its log.',
      'A managed server (DATABASE_URL) is away, refuses the password, or has no connection left.',
    ],
    steps: [
      'Wait ten seconds: the embedded server is restarted by itself, and what was accepted is not lost.',
      '`studio status` and Services show how often it ended, with which signal, and its last lines. SIGKILL means that the kernel ended it: give the machine more memory, or jobs less.',
      '`studio logs --service postgres --priority warn` shows what it said.',
      'Managed: `psql "$DATABASE_URL" -c "select 1"` from this machine; look at its limits of connections (Studio takes about 25).',
    ],
    see: ['disk', 'data-directory', 'database-unavailable'],
  },
  'data-directory': {
    title: 'The database directory can’t be used',
    signs: ['The start stops with a line about the PostgreSQL directory, its version or its rights.'],
    causes: ['It was made by another major version of PostgreSQL.', 'Files of it are damaged or missing, or it belongs to another user.'],
    steps: [
      'Nothing is deleted or made anew by Studio while the directory is not empty: keep a copy of it before anything else.',
      'Another version: start the Studio that made it, make a logical backup, and restore that into a new workspace.',
      'Rights: the directory must belong to the user the start names, with mode 0700.',
      'Damaged: restore the newest backup that was verified.',
    ],
    see: ['backup', 'database'],
  },
  redis: {
    title: 'Redis does not answer',
    signs: ['Health is degraded: "redis: …".', 'Live updates come up to a second late; everything else works.'],
    causes: ['No Redis is installed.', 'It was killed, or REDIS_URL names one that can’t be reached.', 'It reached its memory limit.'],
    steps: [
      'Nothing is lost: Redis only wakes listeners faster. There is no hurry.',
      'Not installed: `apt-get install redis-server`, then restart Studio; or set `REDIS_URL`.',
      'Killed: it is restarted by itself; Services shows its exits, `studio logs --service redis` its words.',
      'Managed: `redis-cli -u "$REDIS_URL" ping` from this machine.',
    ],
    see: ['live-updates', 'services'],
  },
  'stuck-pending': {
    title: 'Jobs or steps stay pending',
    signs: [
      'A job stays "queued", a step "queued" or "waiting"; nothing runs.',
      'The alerts "No worker beats" or "Jobs wait on a queue, which no worker serves".',
    ],
    causes: [
      'The queue is paused or has no free slot.',
      'No living worker serves the queue: its name is misspelt, or the worker stopped.',
      'What the job asks for (GPU memory, cores) is taken, or is more than the machine has.',
      'It waits for another job, a time, an approval or a callback.',
    ],
    steps: [
      'Open the job or step: "waits for" says what for, and what would change it.',
      'Queues: resume one that is paused, or give it more slots.',
      'Workers: when none is alive, look at `studio logs --priority warn`, then restart Studio; jobs go on where they were.',
      'GPUs: the line of waiters shows who holds what; a model that idles can be unloaded, a lease can be ended.',
    ],
    see: ['gpu', 'queue-full', 'unsatisfiable'],
  },
  'live-updates': {
    title: 'Pages do not update by themselves',
    signs: ['An amber bar says that the connection is lost, or that pages are asked again from time to time.', 'What others do shows only after a reload.'],
    causes: [
      'A proxy in front does not pass WebSockets on, or cuts them when they are idle for less than 20 seconds.',
      'The origin in the browser is not the one Studio knows: the socket is refused.',
      'Too many connections are open (20 a session, 1,000 in all).',
      'A transaction that stays open holds the outbox back.',
    ],
    steps: [
      'The bar says what was tried. Pages go on by polling; nothing is lost.',
      '`studio doctor --url https://your.address` tells what a proxy breaks; it must pass `Upgrade` and `Connection` on for `/api/v1/realtime`.',
      'Behind a proxy set `PROXY_FIX_ENABLED=true`, or `CORS_ORIGINS` to the origin in the browser.',
      'Monitoring shows open connections; `studio_outbox_lag_seconds` in /metrics grows when the outbox is held back: the database page of health names the statement.',
    ],
    see: ['redis', 'misdirected-host'],
  },
  traces: {
    title: 'Traces do not arrive at the collector',
    signs: [
      'The log says that the collector takes no traces, or that traces are off.',
      '`studio_trace_spans_total` in /metrics counts spans as failed or dropped.',
      '`studio doctor` warns of traces.',
    ],
    causes: [
      'The collector is down, or the address or its port is another.',
      'It listens for gRPC alone (port 4317): Studio speaks HTTP (port 4318).',
      'It wants a key that is not sent, or another one.',
      'More spans come than it takes.',
    ],
    steps: [
      '`studio doctor` asks the collector as Studio does and says what it answers.',
      'Set `OTEL_EXPORTER_OTLP_ENDPOINT` to its HTTP port, `OTEL_EXPORTER_OTLP_HEADERS` to what it wants, and restart.',
      'Keep a share of the traces where there are too many: `OTEL_TRACES_SAMPLER=parentbased_traceidratio`, `OTEL_TRACES_SAMPLER_ARG=0.1`.',
      'Work is never held up by traces: what can not be sent is dropped and counted.',
    ],
    see: ['health'],
  },
  health: {
    title: 'Health is degraded or not ready',
    signs: ['/health answers 503, or "degraded".'],
    causes: ['A part is down: the reasons name it.'],
    steps: [
      '`curl -s localhost:8000/api/v1/infrastructure/health/full` on the machine names every part with its reason.',
      'Settings, System shows the same, each with a link to its page here.',
      '`studio doctor` looks at the machine.',
    ],
    see: ['database', 'redis', 'disk', 'services'],
  },
  disk: {
    title: 'The disk is full, or nearly',
    signs: [
      'Calls that write are answered with 507 `disk_full`.',
      'The alerts "The disk fills up" or "The disk is nearly full".',
      'Health names the disk, the run data, or the volume.',
    ],
    causes: ['Models, artifacts, logs of jobs or run data took the space.', 'Many small files used up the inodes.', 'Something else on the same volume grew.'],
    steps: [
      'Settings, Storage shows what takes how much, by kind, with what can be cleaned up.',
      'Delete models that are not used and old artifacts; shorten `RUN_RETENTION_DAYS`.',
      'Reading works meanwhile, and writing goes on by itself within seconds once there is room: no restart is needed.',
      'Make the volume larger.',
    ],
    see: ['disk-full', 'backup'],
  },
  'disk-failing': {
    title: 'A disk fails, hangs or is read-only',
    signs: [
      'Health names the disk: it can not be written (EIO, EROFS), or does not answer.',
      'Calls are answered with 503 `disk_failed` or `database_unavailable`; the log of PostgreSQL holds a PANIC.',
      'Health names damaged files, or pages of the database that fail their checksums: the disk has changed what was stored.',
    ],
    causes: [
      'The device fails, or its cable, controller or network does.',
      'The file system met an error and went read-only, to keep what it has.',
      'A network volume does not answer for the moment.',
    ],
    steps: [
      'Nothing that was accepted is lost: PostgreSQL stops rather than go on with what it could not write.',
      '`dmesg | tail` names the device and the fault.',
      'A network volume: wait; Studio goes on by itself when it answers.',
      'A read-only file system: stop Studio, unmount, `fsck`, mount again, start.',
      'A damaged file: upload the same bytes again; health is well within a minute. What is left of it lies in `files/.damaged`.',
      'Pages of the database: the log of PostgreSQL names the file and the block. Restore the newest backup (`studio backup restore latest`), and look at the disk.',
      'A device that dies: stop Studio, copy the workspace to another disk, start there; or restore the newest backup.',
    ],
    see: ['disk-failed', 'disk', 'database'],
  },
  backup: {
    title: 'Backups are missing, old, or could not be restored',
    signs: ['The alerts "The newest backup is old", "The last backup failed" or "A backup could not be restored".'],
    causes: ['The place of the backups is full, away, or refuses the key.', 'The schedule is off.', 'A backup was damaged where it lies.'],
    steps: [
      'Backups shows each with its fault; `studio backup list` does, too.',
      'Make one now: `studio backup create`; then `studio backup verify`, which restores it into a throw-away database.',
      'Keep the older ones until a new one is verified.',
    ],
    see: ['disk', 'backup-unusable'],
  },
  gpu: {
    title: 'A GPU is missing, lost or hot',
    signs: ['GPUs shows it as lost or drained; jobs that need it wait.', 'The alerts "GPU … is lost" or "GPU … is hot".'],
    causes: [
      'The driver failed (an Xid error), or does not match its library after an update.',
      'The container was started without the device.',
      'Cooling is not enough for what it computes.',
    ],
    steps: [
      '`studio doctor` and `nvidia-smi` say what the driver says.',
      'A card that fell off the bus needs a restart of the machine; jobs that ran there are back in line.',
      'Containers: start them with the GPU (`--gpus all`), with a driver that fits.',
      'Hot: lower its power limit, or run fewer tenants on it.',
    ],
    see: ['stuck-pending'],
  },
  'failing-work': {
    title: 'Much of the work fails',
    signs: ['The alert "Much of the work fails"; many red rows.'],
    causes: ['A service or model that many workflows use is away.', 'A secret ended or was changed.', 'A published change broke a workflow that runs often.'],
    steps: [
      'Instances, filter `status:failed`: what they have in common is in the error.',
      'Open one: the failed step names what it asked and what came back.',
      'Compare the version with the one before; restore it when it is the cause; retry what failed.',
    ],
    see: ['upstream-failed', 'secrets'],
  },
  slow: {
    title: 'Studio answers late',
    signs: ['The alerts "Studio answers late" or "Studio was down".', 'Monitoring shows a high delay of the event loop.'],
    causes: [
      'Jobs take all processors: Studio gets too few.',
      'The disk is very slow, or the machine swaps.',
      'Studio or the machine was stopped hard: the kernel ended it, or the pod went.',
    ],
    steps: [
      'Monitoring: processors, memory and disk of the last day, beside the delay.',
      'Give jobs fewer cores (`resources.cpu`), or queues fewer slots.',
      'It was down: the log before that time, and `journalctl -k` for the kernel’s own words, say why.',
    ],
    see: ['disk', 'internal'],
  },
  services: {
    title: 'A service is down',
    signs: ['Health says "service …: …"; Services shows it as failed or restarting.'],
    causes: ['It ends by itself: a wrong argument, a missing file, too little memory.', 'Its port is taken, or its check never answers.'],
    steps: [
      'Services: its exits with code, signal and last lines, and its log.',
      '`studio logs --service NAME -n 100`.',
      'Mend the definition and start it again; one that was given up stays down until then.',
    ],
    see: ['database', 'redis'],
  },
  secrets: {
    title: 'Stored secrets can’t be opened',
    signs: ['Health says that stored secrets can’t be opened; steps that use them fail.'],
    causes: ['CREDENTIAL_ENCRYPTION_KEY is not the one they were sealed with: the workspace’s .env was lost or replaced.'],
    steps: [
      'Put the old `.env` of the workspace back and restart.',
      'Without it they are lost: set these secrets again.',
      'Keep a backup with a passphrase: it holds the key.',
    ],
    see: ['backup'],
  },
  configuration: {
    title: 'A setting is wrong',
    signs: ['The start stops with a line that names the key and what is wrong with it.', 'Studio behaves as if a setting were not there.'],
    causes: ['A value is of the wrong kind; a key is misspelt; a template was not filled in.', 'Another source stands above the one that was changed.'],
    steps: [
      '`studio config explain` shows each key, its value, where it came from and what would change it.',
      'The environment of the process stands above the workspace’s .env, and that above files.',
    ],
    see: ['api-does-not-start'],
  },
  workspace: {
    title: 'The workspace is held, or can’t be used',
    signs: ['The start says that another Studio holds the workspace, or that it can’t be written.'],
    causes: [
      'Another Studio runs on it, maybe on another machine with the same volume.',
      'The folder belongs to another user, or its file system is read-only.',
    ],
    steps: [
      '`studio status` names who holds it. Stop that one first: two on one workspace would destroy it.',
      'A machine that is gone lets go by itself within a minute.',
      'Rights: the user that runs Studio must own the folder.',
    ],
    see: ['api-does-not-start', 'disk'],
  },
  machine: {
    title: 'The machine is small, or its limits are low',
    signs: ['The doctor, or Settings, System, warns of processors, memory, tasks, open files or the clock.'],
    causes: [
      'Less than 4 GiB of memory or 2 processors.',
      'The limit of open files is below 4,096.',
      'The container may run only a few processes.',
      'The clock is not set.',
    ],
    steps: [
      'Open files: `ulimit -n 65536`, or `LimitNOFILE=65536` in the unit.',
      'Tasks: `--pids-limit 4096` of the container, or `TasksMax` in the unit.',
      'What Studio made of the limits, pools and slots, stands in `studio doctor` and under Settings, System.',
      'Clock: start an NTP service; sessions and dates depend on it.',
      'Memory: give the machine more, or run smaller models.',
    ],
    see: ['slow'],
  },
};
