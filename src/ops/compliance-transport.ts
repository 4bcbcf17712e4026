/** How this Studio is reached and reaches its servers: TLS, proxies, names. Reads the certificate's file, never its key's content into a reply. */
import { X509Certificate } from 'node:crypto';
import type { Compliance } from '../contract/compliance.ts';
import type { CompleteConfig } from '../config/schema.ts';
import { messageOf } from '../kernel/fail.ts';
import type { ConnectionFacts } from '../store/compliance.ts';
import { readTls } from '../supervise/tls.ts';

type Transport = Compliance['transport'];

export function transportOf(config: CompleteConfig, at: { readonly publicOrigin: string | null; readonly connection: ConnectionFacts }): Transport {
  const isTls = config.tlsCertFile !== undefined;
  return {
    scheme: isTls ? 'https' : 'http',
    address: `${config.host}:${config.port}`,
    ...certificateOf(config),
    asksClientCertificates: config.tlsCaFile !== undefined,
    proxy: {
      isTrusted: config.proxyFixEnabled,
      hops: {
        for: config.proxyFixFor,
        proto: config.proxyFixProto,
        host: config.proxyFixHost,
        port: config.proxyFixPort,
        prefix: config.proxyFixPrefix,
      },
    },
    publicOrigin: at.publicOrigin,
    allowedHosts: [...config.allowedHosts],
    corsOrigins: [...config.corsOrigins],
    database: at.connection.tls ?? (at.connection.isSocket ? 'a socket of this machine' : 'in clear'),
    redis: config.redis.kind === 'embedded' ? 'a socket of this machine' : config.redis.url.startsWith('rediss:') ? 'TLS' : 'in clear',
  };
}

function certificateOf(config: CompleteConfig): Pick<Transport, 'certificate' | 'certificateFault'> {
  if (config.tlsCertFile === undefined) return { certificate: null, certificateFault: null };
  try {
    const { subject, issuer, validFrom, validTo } = new X509Certificate(readTls(config).cert);
    const dated = (text: string): string => new Date(text).toISOString();
    return {
      certificate: { subject: lineOf(subject), issuer: lineOf(issuer), validFrom: dated(validFrom), validTo: dated(validTo) },
      certificateFault: null,
    };
  } catch (error) {
    return { certificate: null, certificateFault: messageOf(error) };
  }
}

function lineOf(name: string): string {
  return name.replaceAll('\n', ', ');
}
