/** Requests to servers that Studio itself runs on this machine: straight to their port, over connections that are kept.
 *  Never for an address that a user gave: those go through kernel/egress. */
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { faultOf, UpstreamError, type Send } from './upstream.ts';

/** @param baseUrl `http://127.0.0.1:PORT/v1`  @param headers of every request */
export function createDirectSend(baseUrl: string, headers: Readonly<Record<string, string>> = {}): { readonly send: Send; close(): void } {
  // A connection is used again within 4 s only: servers commonly close after 5.
  const agent = new Agent({ keepAlive: true, keepAliveMsecs: 1_000, timeout: 4_000, scheduling: 'lifo' });
  const { host } = new URL(baseUrl);
  const send: Send = async (request) => {
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing: ClientRequest = httpRequest(
        `${baseUrl}${request.path}`,
        {
          method: request.method,
          headers: { ...headers, ...request.headers, ...(request.body === undefined ? {} : { 'content-length': String(request.body.length) }) },
          signal: request.signal,
          agent,
        },
        resolve,
      );
      outgoing.on('error', (error) =>
        reject(request.signal.aborted ? request.signal.reason : new UpstreamError('unreachable', `${host}: ${error.message}`, { cause: error })),
      );
      outgoing.end(request.body);
    });
    const reply = { status: message.statusCode ?? 0, headers: flat(message), body: message };
    if (reply.status < 200 || reply.status > 299) throw await faultOf(reply, host);
    return reply;
  };
  return { send, close: () => agent.destroy() };
}

function flat(message: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(message.headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]])),
  );
}
