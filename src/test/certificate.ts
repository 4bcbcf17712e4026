/** Self-signed certificates for tests of TLS, made by the openssl of the machine. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Why tests of TLS can't run here; false when they can. */
export const noCertificates: string | false = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed (apt-get install openssl)';

/** For localhost and 127.0.0.1, under a name that tells it from others. */
export function makeCertificate(folder: string, name: string): CertificateFiles {
  const files = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', `/CN=${name}`];
  execFileSync('openssl', [...args, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', files.key, '-out', files.cert], { stdio: 'pipe' });
  return files;
}
