/** The one public port: bound first, answered by the boot page, handed over to the application when it stands.
 *  Health is answered here always, also while the application is stuck or stopping. Never parses a body, decides no rights. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Config } from '../config/schema.ts';
import { describeHolder, findPortHolder } from '../kernel/port-holder.ts';
import { answerBooting, sendJson } from './boot-page.ts';
import type { BootProgress } from './boot-progress.ts';
import { findHolder } from './lock.ts';
import { Refusal } from './refusal.ts';

export interface Application {
  readonly answer: RequestListener;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface Listener {
  readonly url: string;
  /** From now on the application answers. */
  handOver(application: Application): void;
  /** Rereads certificate and key. @throws when they can't be used; the old ones then stay */
  reloadTls(): void;
  /** Accepts nothing new; resolves when the last answer is out, or after `withinMs`, when it cuts what is left. */
  close(withinMs: number): Promise<void>;
}

export interface ListenerParts {
  readonly config: Pick<Config, 'host' | 'port' | 'workspacePath' | 'keepAliveS' | 'tlsCertFile' | 'tlsKeyFile' | 'tlsCaFile'>;
  readonly progress: BootProgress;
  readonly health: () => { readonly httpStatus: number; readonly body: object };
}

/** Slow headers are an attack or a broken client; bodies may take hours (uploads) and are watched by the application. */
const HEADERS_MS = 30_000;

/** @throws Refusal naming the port and who holds it */
export async function listen(parts: ListenerParts): Promise<Listener> {
  const { config, progress } = parts;
  let application: Application | undefined;
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const path = (request.url ?? '').split('?')[0];
    if (path === '/health/live' && isRead(request)) return sendJson(response, 200, { status: 'live' });
    if (path === '/health' && isRead(request)) {
      const { httpStatus, body } = parts.health();
      return sendJson(response, httpStatus, body, httpStatus === 200 ? {} : { 'retry-after': '1' });
    }
    if (path === '/health/boot' && isRead(request)) return sendJson(response, 200, progress.view());
    if (application === undefined) return answerBooting(request, response, progress);
    application.answer(request, response);
  };
  const tls = config.tlsCertFile === undefined ? undefined : readTls(config);
  const server: Server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  server.keepAliveTimeout = config.keepAliveS * 1_000;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = 0;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (application !== undefined) return application.upgrade(request, socket, head);
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  await bind(server, config);
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${['0.0.0.0', '::'].includes(config.host) ? 'localhost' : config.host}:${config.port}`,
    handOver(next) {
      application = next;
    },
    reloadTls() {
      if (tls !== undefined && 'setSecureContext' in server)
        (server as unknown as { setSecureContext(options: object): void }).setSecureContext(readTls(config));
    },
    close: (withinMs) => closeServer(server, withinMs),
  };
}

function isRead(request: IncomingMessage): boolean {
  return request.method === 'GET' || request.method === 'HEAD';
}

function readTls(config: ListenerParts['config']): { cert: Buffer; key: Buffer; ca?: Buffer } {
  const read = (name: string, path: string | undefined): Buffer => {
    try {
      return readFileSync(path ?? '');
    } catch (cause) {
      throw new Refusal('config', `${name} ${path ?? '(not set)'} can't be read: ${cause instanceof Error ? cause.message : String(cause)}.`, { cause });
    }
  };
  const pair = { cert: read('TLS_CERT_FILE', config.tlsCertFile), key: read('TLS_KEY_FILE', config.tlsKeyFile) };
  return config.tlsCaFile === undefined ? pair : { ...pair, ca: read('TLS_CA_FILE', config.tlsCaFile) };
}

function bind(server: Server, config: ListenerParts['config']): Promise<void> {
  const { host, port } = config;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(bindRefusal(error, config)));
    server.listen({ host, port }, resolve);
  });
}

function bindRefusal(error: NodeJS.ErrnoException, { host, port, workspacePath }: ListenerParts['config']): Refusal {
  if (error.code === 'EADDRINUSE') {
    const holder = findPortHolder(port);
    const who = holder === undefined ? 'by another process' : `by ${describeHolder(holder)}`;
    const isStudio = holder?.arguments.some((argument) => /studio\.js$|src\/cli\.ts$/.test(argument)) === true;
    const isOwn = holder?.pid !== undefined && findHolder(workspacePath)?.pid === holder.pid;
    const what = isOwn ? `That is another Studio, which holds ${workspacePath}: ` : isStudio ? 'That is another Studio: ' : '';
    return new Refusal('port_taken', `Port ${port} is taken ${who}. ${what}${what === '' ? 'Stop' : 'stop'} it, or set PORT to a free one.`, { cause: error });
  }
  if (error.code === 'EACCES')
    return new Refusal('port_taken', `Port ${port} needs rights this user does not have (below 1024). Set PORT to 1024 or more.`, { cause: error });
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new Refusal('port_taken', `HOST ${host} is no address of this machine. Set it to 0.0.0.0 or 127.0.0.1.`, { cause: error });
  return new Refusal('port_taken', `Port ${port} at ${host} can't be opened: ${error.message}.`, { cause: error });
}

function closeServer(server: Server, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), withinMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
