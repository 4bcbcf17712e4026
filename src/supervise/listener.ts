/** The one public port: bound first, answered by the boot page, handed over to the application when it stands.
 *  Health is answered here always, also while the application is stuck or stopping. Never parses a body, decides no rights. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Config } from '../config/schema.ts';
import { describeHolder, findPortHolder } from '../kernel/port-holder.ts';
import { answerBooting, sendJson } from './boot-page.ts';
import type { BootProgress } from './boot-progress.ts';
import { findHolder } from './lock.ts';
import { Refusal } from './refusal.ts';
import { readTls, type TlsPair } from './tls.ts';
import { createTlsFront } from './tls-front.ts';

export interface Application {
  readonly answer: RequestListener;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface Listener {
  readonly url: string;
  /** From now on the application answers. */
  handOver(application: Application): void;
  /** Puts a certificate and its key into force for connections to come; undefined where the port speaks plain HTTP. */
  readonly setTls: ((pair: TlsPair) => void) | undefined;
  /** Accepts nothing new; resolves when the last answer is out, or after `withinMs`, when it cuts what is left. */
  close(withinMs: number): Promise<void>;
}

export interface ListenerParts {
  readonly config: Pick<Config, 'host' | 'port' | 'workspacePath' | 'keepAliveS' | 'tlsCertFile' | 'tlsKeyFile' | 'tlsCaFile'>;
  readonly progress: BootProgress;
  readonly health: () => { readonly httpStatus: number; readonly body: object };
  /** The pages that say what to do: also while nothing else stands. Undefined: not one of them. */
  readonly help?: (path: string) => Promise<{ readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly html: string } | undefined>;
}

/** Where they are. */
const HELP = '/docs/troubleshooting';

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
    if (path?.startsWith(HELP) === true && isRead(request) && parts.help !== undefined) return void answerHelp(request, response, parts.help(path));
    if (application === undefined) return answerBooting(request, response, progress);
    application.answer(request, response);
  };
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (application !== undefined) return application.upgrade(request, socket, head);
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  };
  const keepAliveMs = config.keepAliveS * 1_000;
  const front: Front =
    config.tlsCertFile === undefined
      ? plainFront(answer, onUpgrade, keepAliveMs)
      : createTlsFront({ pair: readTls(config), answer, onUpgrade, keepAliveMs, headersMs: HEADERS_MS });
  await bind(front.server, config);
  return {
    url: `${front.setPair !== undefined ? 'https' : 'http'}://${['0.0.0.0', '::'].includes(config.host) ? 'localhost' : config.host}:${config.port}`,
    handOver(next) {
      application = next;
    },
    setTls: front.setPair,
    close: (withinMs) => closeFront(front, withinMs),
  };
}

interface Front {
  readonly server: NetServer;
  readonly setPair?: (pair: TlsPair) => void;
  closeIdle(): void;
  closeAll(): void;
}

function plainFront(answer: RequestListener, onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void, keepAliveMs: number): Front {
  const server: Server = createServer(answer);
  server.keepAliveTimeout = keepAliveMs;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = 0;
  server.on('upgrade', onUpgrade);
  return { server, closeIdle: () => server.closeIdleConnections(), closeAll: () => server.closeAllConnections() };
}

async function answerHelp(request: IncomingMessage, response: ServerResponse, asked: ReturnType<NonNullable<ListenerParts['help']>>): Promise<void> {
  const found = await asked.catch(() => undefined);
  if (found === undefined) return sendJson(response, 404, { error: { code: 'not_found', message: 'There is no such page.', requestId: 'help' } });
  response.writeHead(found.status, { ...found.headers, 'content-length': Buffer.byteLength(found.html) });
  response.end(request.method === 'HEAD' ? undefined : found.html);
}

function isRead(request: IncomingMessage): boolean {
  return request.method === 'GET' || request.method === 'HEAD';
}

function bind(server: NetServer, config: ListenerParts['config']): Promise<void> {
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

function closeFront(front: Front, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => front.closeAll(), withinMs);
    front.server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    front.closeIdle();
  });
}
