/** A container without a container engine: the root file system of an image that buildah keeps, run in namespaces of its own (processes, mounts,
 *  names) as its configuration says, with PID 1 that the image asks for. Needs root. Knows nothing of Studio. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly env: readonly string[];
  readonly healthCheck: readonly string[];
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
}

export interface Images {
  configOf(tag: string): ImageConfig;
  /** A root file system of its own, as a new container gets it. */
  open(tag: string): { readonly path: string; remove(): void };
}

/** @param flags those of buildah that name where it keeps images */
export function openImages(flags: readonly string[]): Images {
  const buildah = (...args: string[]): string => execFileSync('buildah', [...flags, ...args], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).trim();
  return {
    configOf(tag) {
      const { config } = (JSON.parse(buildah('inspect', '--type', 'image', tag)) as { readonly Docker: { readonly config: DockerConfig } }).Docker;
      return {
        entrypoint: config.Entrypoint ?? [],
        env: config.Env ?? [],
        healthCheck: config.Healthcheck?.Test ?? [],
        volumes: Object.keys(config.Volumes ?? {}),
        ports: Object.keys(config.ExposedPorts ?? {}),
      };
    },
    open(tag) {
      const name = buildah('from', '--pull-never', tag);
      return { path: buildah('mount', name), remove: () => void buildah('rm', name) };
    },
  };
}

interface DockerConfig {
  readonly Entrypoint?: readonly string[];
  readonly Env?: readonly string[];
  readonly Healthcheck?: { readonly Test?: readonly string[] };
  readonly Volumes?: Readonly<Record<string, unknown>>;
  readonly ExposedPorts?: Readonly<Record<string, unknown>>;
}

export interface Container {
  /** Of its PID 1, as this machine counts. */
  readonly pid: number;
  /** Runs a command inside. */
  exec(command: readonly string[]): { readonly status: number | null; readonly output: string };
  /** All of it: name, and state as in /proc. */
  processes(): readonly { readonly pid: number; readonly name: string; readonly state: string }[];
  /** What it wrote. */
  log(): string;
  /** SIGTERM to PID 1. @returns its exit status */
  stop(): Promise<number | null>;
  /** For the end of a trial that failed. */
  kill(): void;
}

export interface Running {
  readonly rootfs: string;
  readonly workspace: string;
  readonly config: ImageConfig;
}

/** Everything mounted goes with the namespace. $0 is the root file system, $1 the workspace; the rest is the command. */
const ENTER = `set -e
root=$0 workspace=$1
shift
# As every engine does where the image has no such folder.
mkdir -p "$root/workspace"
mount --bind "$workspace" "$root/workspace"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" "$@"`;

export async function startContainer({ rootfs, workspace, config }: Running): Promise<Container> {
  const command = ['/usr/bin/env', '-i', ...config.env, ...config.entrypoint];
  const unshare = ['--mount', '--pid', '--fork', '--kill-child', '--uts', '--ipc', '--propagation', 'private'];
  const child = spawn('unshare', [...unshare, 'sh', '-c', ENTER, rootfs, workspace, ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-100_000)));
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const pid = await firstChildOf(child, () => log);
  const namespace = readlinkSync(`/proc/${pid}/ns/pid`);
  return {
    pid,
    exec(inside) {
      const env = ['/usr/bin/env', '-i', ...config.env];
      const { status, stdout, stderr } = spawnSync(
        'nsenter',
        ['--target', String(pid), '--mount', '--pid', '--uts', '--ipc', '--root', '--wd', ...env, ...inside],
        {
          encoding: 'utf8',
        },
      );
      return { status, output: `${stdout}${stderr}` };
    },
    processes: () =>
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .flatMap((name) => factsOf(name, namespace)),
    log: () => log,
    stop() {
      process.kill(pid, 'SIGTERM');
      return ended;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

async function firstChildOf(parent: ChildProcess, log: () => string): Promise<number> {
  for (;;) {
    if (parent.exitCode !== null) throw new Error(`the container ended at once:\n${log()}`);
    const text = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8').trim();
    if (text !== '') return Number(text.split(' ')[0]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function factsOf(pid: string, namespace: string): { readonly pid: number; readonly name: string; readonly state: string }[] {
  try {
    if (readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) return [];
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const of = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '';
    return [{ pid: Number(pid), name: of('Name'), state: of('State') }];
  } catch {
    // Gone meanwhile.
    return [];
  }
}
