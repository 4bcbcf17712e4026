/** Real reverse proxies in front of a real Studio: nginx and Caddy as children on a port of the loopback, with the files of scripts/deploy/proxy as
 *  people copy them; only names, ports and certificates are put in. Nothing of the machine's own nginx or Caddy is touched. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { startChild, type Child } from '../kernel/child.ts';
import { makeCertificate, noCertificates } from './certificate.ts';
import { root } from './source-files.ts';
import { freePort } from './studio-process.ts';

export type ProxyKind = 'nginx' | 'caddy';

export interface ProxyOptions {
  readonly kind: ProxyKind;
  /** A file of scripts/deploy/proxy, or its text. */
  readonly file?: string;
  readonly text?: string;
  /** Of the Studio behind it: http://127.0.0.1:8000. */
  readonly target: string;
}

export interface Proxy {
  /** https://localhost:port, without a slash at the end. */
  readonly origin: string;
  readonly port: number;
  /** What it said last. */
  log(): string;
  stop(): Promise<void>;
}

/** A port chosen a moment ago may be another's by now. */
const TRIES = 5;

/** Why there is no such proxy here; false when there is. */
export function noProxy(kind: ProxyKind): string | false {
  return programOf(kind) === undefined ? `${kind} is not installed (apt-get install ${kind})` : noCertificates;
}

/** @throws Error with its last lines when it does not start */
export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), `studio-${options.kind}-`));
  let said = '';
  for (let tries = 0; tries < TRIES; tries++) {
    const port = await freePort();
    const child = await startChild(commandOf(options, { folder, port }));
    if (await isUp(child, port))
      return {
        origin: `https://localhost:${port}`,
        port,
        log: () => child.lines().join('\n'),
        async stop() {
          await child.stop({ graceMs: 2_000 });
          rmSync(folder, { recursive: true, force: true });
        },
      };
    said = child.lines().join('\n');
  }
  rmSync(folder, { recursive: true, force: true });
  throw new Error(`${options.kind} did not start:\n${said}`);
}

function programOf(kind: ProxyKind): string | undefined {
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin', '/usr/local/bin']
    .map((place) => join(place, kind))
    .find((path) => existsSync(path));
}

interface Place {
  readonly folder: string;
  readonly port: number;
}

function commandOf(options: ProxyOptions, place: Place): Parameters<typeof startChild>[0] {
  const { cert, key } = makeCertificate(place.folder, 'proxy');
  const text = options.text ?? readFileSync(join(root, 'scripts/deploy/proxy', options.file ?? ''), 'utf8');
  const path = join(place.folder, 'config');
  const env = { PATH: '/usr/bin:/bin', HOME: place.folder, XDG_DATA_HOME: place.folder, XDG_CONFIG_HOME: place.folder };
  const behind = text.replaceAll('127.0.0.1:8000', new URL(options.target).host);
  writeFileSync(path, options.kind === 'nginx' ? nginxConfig(behind, { ...place, cert, key }) : caddyConfig(behind, { ...place, cert, key }));
  const args =
    options.kind === 'nginx' ? ['-c', path, '-p', place.folder, '-e', 'stderr', '-g', 'daemon off;'] : ['run', '--config', path, '--adapter', 'caddyfile'];
  return { command: programOf(options.kind) ?? options.kind, args, env, cwd: place.folder };
}

interface Filling extends Place {
  readonly cert: string;
  readonly key: string;
}

/** The file, in the frame that /etc/nginx/nginx.conf is for it. */
function nginxConfig(text: string, { folder, port, cert, key }: Filling): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(folder, name)};`);
  for (const name of ['client_body', 'proxy']) mkdirSync(join(folder, name), { recursive: true });
  const filled = text
    .replaceAll(/listen 443 ssl( http2)?;/g, `listen 127.0.0.1:${port} ssl$1;`)
    .replaceAll(/server \{\n {2}listen 80;[^}]*\}/g, '')
    .replaceAll(/server_name [^;]+;/g, 'server_name localhost;')
    .replaceAll(/ssl_certificate [^;]+;/g, `ssl_certificate ${cert};`)
    .replaceAll(/ssl_certificate_key [^;]+;/g, `ssl_certificate_key ${key};`);
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `${user}\nworker_processes 1;\npid ${join(folder, 'pid')};\nevents { worker_connections 256; }\nhttp {\naccess_log off;\n${paths.join('\n')}\n${filled}\n}\n`;
}

function caddyConfig(text: string, { folder, port, cert, key }: Filling): string {
  const filled = text.replace(/^(studio\.)?example\.com \{/m, `https://localhost:${port} {\n\tbind 127.0.0.1\n\ttls ${cert} ${key}`);
  return `{\n\tadmin off\n\tauto_https off\n\tstorage file_system ${folder}\n}\n${filled}`;
}

async function isUp(child: Child, port: number): Promise<boolean> {
  while (!child.hasExited()) {
    if (await accepts(port)) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
