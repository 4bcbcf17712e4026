/** Receivers of the outside that a test owns: a web server that keeps what is posted, and a mail server that keeps what is sent. Both on the loopback. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

export interface Posted {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebReceiver {
  readonly url: string;
  readonly host: string;
  readonly posted: Posted[];
  /** What is answered from now on; 0: nothing at all. */
  status: number;
  close(): Promise<void>;
}

export async function webReceiver(): Promise<WebReceiver> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      receiver.posted.push({ path: request.url ?? '', headers: request.headers, body });
      if (receiver.status === 0) return;
      response.statusCode = receiver.status;
      response.end('answer');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const receiver: WebReceiver = {
    url: `http://${host}/hook`,
    host,
    posted: [],
    status: 200,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

export interface Mailed {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and text, as they came over the wire. */
  readonly source: string;
}

export interface MailReceiver {
  /** SMTP_URL, with a login. */
  readonly url: string;
  readonly mailed: Mailed[];
  /** Addresses that are refused for good. */
  readonly refused: Set<string>;
  close(): Promise<void>;
}

export async function mailReceiver(): Promise<MailReceiver> {
  const mailed: Mailed[] = [];
  const refused = new Set<string>();
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth(auth, _session, callback) {
      if (auth.username === 'studio@example.com' && auth.password === 'mail-password') callback(null, { user: 'studio' });
      else callback(new Error(`Invalid login of ${auth.username} with ${auth.password}`));
    },
    onRcptTo(address, _session, callback) {
      callback(refused.has(address.address) ? Object.assign(new Error('no such mailbox'), { responseCode: 550 }) : null);
    },
    onData(stream, session, callback) {
      void text(stream).then((source) => {
        const { mailFrom, rcptTo } = session.envelope;
        mailed.push({ from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map((one) => one.address), source });
        callback();
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://studio%40example.com:mail-password@127.0.0.1:${port}`,
    mailed,
    refused,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
