/** The way to the operator's mail server. Loaded at the first message: nodemailer is not needed for the start. Reads no files and no URLs. */
import { createTransport, type Transporter } from 'nodemailer';

/** Of connecting, of the greeting, of any silence after it. */
const SILENCE_MS = 10_000;

/** @param url SMTP_URL */
export function openTransport(url: string): Transporter {
  return createTransport({
    url,
    connectionTimeout: SILENCE_MS,
    greetingTimeout: SILENCE_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}
