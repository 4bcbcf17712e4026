/** Certificate and key of the public port: read, checked as a pair, and read again when their files change (certbot, a Kubernetes secret).
 *  What can't be used is told and changes nothing: the port goes on with what it has. Never writes the files, never speaks TLS itself. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Config } from '../config/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { Refusal } from './refusal.ts';

export type TlsFiles = Pick<Config, 'tlsCertFile' | 'tlsKeyFile' | 'tlsCaFile'>;

export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

/** Files are looked at so often: a change is in force within seconds, and a look costs three calls of stat. */
const LOOK_MS = 2_000;

/** @throws Refusal naming the file and what is wrong with it */
export function readTls(files: TlsFiles): TlsPair {
  const read = (name: string, path: string | undefined): Buffer => {
    try {
      return readFileSync(path ?? '');
    } catch (cause) {
      throw new Refusal('config', `${name} ${path ?? '(not set)'} can't be read: ${messageOf(cause)}.`, { cause });
    }
  };
  const pair = { cert: read('TLS_CERT_FILE', files.tlsCertFile), key: read('TLS_KEY_FILE', files.tlsKeyFile) };
  requirePair(pair, files);
  return files.tlsCaFile === undefined ? pair : { ...pair, ca: read('TLS_CA_FILE', files.tlsCaFile) };
}

function requirePair({ cert, key }: TlsPair, files: TlsFiles): void {
  const parse = <T>(name: string, path: string | undefined, what: string, work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw new Refusal('config', `${name} ${path} holds no ${what} in PEM form that can be used: ${messageOf(cause)}.`, { cause });
    }
  };
  const leaf = parse('TLS_CERT_FILE', files.tlsCertFile, 'certificate', () => new X509Certificate(cert));
  const own = parse('TLS_KEY_FILE', files.tlsKeyFile, 'private key', () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(own))
    throw new Refusal('config', `The key in TLS_KEY_FILE ${files.tlsKeyFile} is not that of the first certificate in TLS_CERT_FILE ${files.tlsCertFile}.`);
}

export interface TlsWatch {
  readonly files: TlsFiles;
  readonly clock: Clock;
  readonly log: Logger;
  /** Puts a checked pair into force. */
  readonly apply: (pair: TlsPair) => void;
}

/** @returns `reload` reads at once, whatever changed; `stop` ends the looks */
export function watchTls({ files, clock, log, apply }: TlsWatch): { reload(): void; stop(): void } {
  let known = stampOf(files);
  let cancel = (): void => undefined;
  const reload = (): void => {
    known = stampOf(files);
    try {
      const pair = readTls(files);
      apply(pair);
      const { subject, validTo } = new X509Certificate(pair.cert);
      log.info({ certificate: subject.replaceAll('\n', ', '), validTo }, 'the certificate was read again and is in force');
    } catch (error) {
      log.error({ cause: messageOf(error) }, 'the new certificate can not be used; the old one stays in force, and its files are read again when they change');
    }
  };
  const look = (): void => {
    if (stampOf(files) !== known) reload();
    cancel = clock.after(LOOK_MS, look);
  };
  cancel = clock.after(LOOK_MS, look);
  return { reload, stop: () => cancel() };
}

/** Follows links, as they are what certbot and Kubernetes change. A file that is away for a moment is a change, too. */
function stampOf(files: TlsFiles): string {
  const paths = [files.tlsCertFile, files.tlsKeyFile, files.tlsCaFile].filter((path) => path !== undefined);
  return paths
    .map((path) => {
      const facts = statSync(path, { throwIfNoEntry: false });
      return facts === undefined ? 'none' : `${facts.ino}:${facts.size}:${facts.mtimeMs}`;
    })
    .join(' ');
}
