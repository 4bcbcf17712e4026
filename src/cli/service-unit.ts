/** The systemd unit of Studio, as text. Pure. Restarts leave jobs alone (KillMode=process), and what would break jobs that outlive a restart is left open. */

export interface UnitOptions {
  readonly user: string;
  readonly executable: string;
  readonly workspacePath: string;
  readonly port: number;
  readonly envFile: string;
  /** The machine has systemd-notify. */
  readonly hasNotify: boolean;
  /** As systemd writes them: "16G", "400%". */
  readonly memoryMax?: string | undefined;
  readonly cpuQuota?: string | undefined;
}

/** Where PostgreSQL's and Redis' sockets are: a command of the same user finds them there. */
export const RUNTIME_FOLDER = '/run/studio';

/** @throws Error when a path can't stand in a unit */
export function unitOf(options: UnitOptions): string {
  const { user, executable, workspacePath, port, envFile } = options;
  for (const path of [executable, workspacePath, envFile])
    if (!/^\/[\w./@+-]+$/.test(path)) throw new Error(`the path "${path}" can't stand in a unit of systemd: use letters, digits and . _ - + @ only.`);
  const isAtHome = [executable, workspacePath].some((path) => /^\/(home|root)\//.test(path));
  // Where its program is missing a unit of Type=notify would never be ready.
  const notify = options.hasNotify ? 'Type=notify\n# Studio sends through systemd-notify, a child.\nNotifyAccess=all\nWatchdogSec=180' : 'Type=exec';
  const capability = port < 1_024 ? 'CAP_NET_BIND_SERVICE' : '';
  return `# Written by studio install-service. Changes belong into a drop-in: systemctl edit studio
[Unit]
Description=Studio
After=network-online.target
Wants=network-online.target
RequiresMountsFor=${workspacePath}
StartLimitIntervalSec=0

[Service]
${notify}
User=${user}
Group=${user}
ExecStart=${executable} start
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory=${workspacePath}
Environment=WORKSPACE_PATH=${workspacePath} PORT=${port} LOG_FORMAT=json XDG_RUNTIME_DIR=${RUNTIME_FOLDER}
EnvironmentFile=-${envFile}
CacheDirectory=studio
RuntimeDirectory=studio
RuntimeDirectoryPreserve=restart
Restart=always
RestartSec=2
TimeoutStartSec=infinity
TimeoutStopSec=60
# Jobs go on when Studio stops or is upgraded, and the next start finds them.
KillMode=process
# A job that runs out of memory ends, Studio does not.
OOMPolicy=continue

LimitNOFILE=65536
LimitCORE=0
TasksMax=16384
${options.memoryMax === undefined ? '' : `MemoryMax=${options.memoryMax}\n`}${options.cpuQuota === undefined ? '' : `CPUQuota=${options.cpuQuota}\n`}
NoNewPrivileges=yes
CapabilityBoundingSet=${capability}
AmbientCapabilities=${capability}
ProtectSystem=strict
ReadWritePaths=${workspacePath} /tmp /var/tmp
ProtectHome=${isAtHome ? 'read-only' : 'yes'}
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0027
# Graphics cards, and nothing else. PrivateTmp would take /tmp away from jobs that outlive a restart.
DevicePolicy=closed
DeviceAllow=char-nvidia* rw
DeviceAllow=char-drm rw
DeviceAllow=char-kfd rw

[Install]
WantedBy=multi-user.target
`;
}

/** The command that operators type: as the service's user and in its environment, but for what needs root. */
export function commandOf(options: Pick<UnitOptions, 'user' | 'executable' | 'workspacePath' | 'port'>): string {
  const { user, executable, workspacePath, port } = options;
  const env = `WORKSPACE_PATH=${workspacePath} PORT=${port} XDG_RUNTIME_DIR=${RUNTIME_FOLDER} CACHE_DIRECTORY=/var/cache/studio`;
  return `#!/bin/sh
# Written by studio install-service: Studio's commands on the workspace of the service.
case "\${1-}" in
  upgrade|install-service|uninstall) exec env WORKSPACE_PATH=${workspacePath} PORT=${port} ${executable} "$@" ;;
esac
if [ "$(id -u)" = 0 ]; then
  exec setpriv --reuid=${user} --regid=${user} --init-groups env ${env} ${executable} "$@"
fi
exec env ${env} ${executable} "$@"
`;
}
