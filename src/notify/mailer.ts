/** E-mail through the operator's server: what a message looks like, what a refusal means. The way there is mail-transport.ts. */
import type { Transporter } from 'nodemailer';

export interface Mail {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface Mailer {
  /** Resolves when the server took the message. @throws MailError */
  send(mail: Mail): Promise<void>;
  close(): void;
}

/** `isFinal`: the server refuses this address for good. */
export class MailError extends Error {
  override readonly name = 'MailError';
  readonly isFinal: boolean;
  constructor(message: string, options: { readonly isFinal: boolean; readonly cause: unknown }) {
    super(message, { cause: options.cause });
    this.isFinal = options.isFinal;
  }
}

/** @param options.url SMTP_URL  @param options.from SMTP_FROM */
export function createMailer(options: { readonly url: string; readonly from: string | undefined }): Mailer {
  const from = options.from ?? fallbackFrom(options.url);
  let transport: Promise<Transporter> | undefined;
  const open = async (): Promise<Transporter> => (await import('./mail-transport.ts')).openTransport(options.url);
  return {
    async send(mail) {
      try {
        const opened = await (transport ??= open());
        await opened.sendMail({
          from,
          to: { name: '', address: mail.to },
          subject: mail.subject,
          text: mail.text,
          // The same for every attempt: a mailbox that has it drops the second.
          messageId: `<${mail.id}@${domainOf(from)}>`,
          headers: { 'X-Studio-Delivery': mail.id, 'Auto-Submitted': 'auto-generated' },
        });
      } catch (error) {
        throw new MailError(`the mail server ${new URL(options.url).host} did not take it: ${plain(error, options.url)}`, {
          isFinal: isRefusedForGood(error),
          cause: error,
        });
      }
    },
    close() {
      void transport?.then((opened) => opened.close());
    },
  };
}

/** Only of the address: a refused login is the operator's to mend, and the message waits for it. */
function isRefusedForGood(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'EENVELOPE') return false;
  return 'responseCode' in error && typeof error.responseCode === 'number' && error.responseCode >= 500;
}

/** What the server said; never the password. */
function plain(error: unknown, url: string): string {
  const message = error instanceof Error ? error.message : String(error);
  const password = decodeURIComponent(new URL(url).password);
  return password === '' ? message : message.replaceAll(password, '***');
}

function fallbackFrom(url: string): string {
  const { username, hostname } = new URL(url);
  const user = decodeURIComponent(username);
  return user.includes('@') ? user : `studio@${hostname}`;
}

function domainOf(from: string): string {
  return /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)?.[1] ?? 'studio.invalid';
}
