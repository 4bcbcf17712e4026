/** The domains that lead to this Studio through its tunnel: those that are configured, and that of its public address. Keeps what the last look at each came to,
 *  in memory. Never tells the tunnel's token. */
import { Resolver } from 'node:dns/promises';
import type { Domains, DomainVerification } from '../contract/domains.ts';
import type { CompleteConfig } from '../config/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import type { Services } from '../supervise/service.ts';
import { checkDomain, createProof, type DomainResolver } from './domain-check.ts';
import { tunnelIdOf, tunnelTarget } from './tunnel-token.ts';

export interface DomainControl {
  list(): Promise<Domains>;
  /** @throws AppError not_found for a name that is not among them */
  verify(domain: string): Promise<DomainVerification>;
  /** The answer to a challenge. */
  prove(challenge: string): string;
}

export interface DomainParts {
  readonly config: Pick<CompleteConfig, 'cloudflareTunnelToken' | 'tunnelDomains' | 'jwtSecretKey'>;
  readonly clock: Clock;
  readonly services: Pick<Services, 'list'>;
  /** As an administrator confirmed it. */
  readonly publicOrigin: () => Promise<string | null>;
  readonly resolver?: DomainResolver;
  readonly originOf?: (domain: string) => string;
}

const SERVICE = 'cloudflared';
const DNS_MS = 3_000;

export function createDomains(parts: DomainParts): DomainControl {
  const { config, clock } = parts;
  const prove = createProof(config.jwtSecretKey);
  const resolver = parts.resolver ?? new Resolver({ timeout: DNS_MS, tries: 2 });
  const originOf = parts.originOf ?? ((domain: string) => `https://${domain}`);
  const last = new Map<string, DomainVerification>();
  const tunnelId = (): string | undefined => (config.cloudflareTunnelToken === undefined ? undefined : tunnelIdOf(config.cloudflareTunnelToken));

  /** Names, and what names each. */
  async function names(): Promise<ReadonlyMap<string, string>> {
    const found = new Map(config.tunnelDomains.map((domain) => [domain, 'CLOUDFLARE_TUNNEL_DOMAINS']));
    const host = URL.parse((await parts.publicOrigin()) ?? '')?.hostname;
    const isName = host !== undefined && host.includes('.') && !/^[\d.]+$|:/.test(host);
    if (config.cloudflareTunnelToken !== undefined && isName && !found.has(host)) found.set(host, 'the public address');
    return found;
  }

  return {
    prove,
    async list() {
      const id = tunnelId();
      const target = id === undefined ? null : tunnelTarget(id);
      return {
        tunnel: {
          isSet: config.cloudflareTunnelToken !== undefined,
          id: id ?? null,
          target,
          state: parts.services.list().find(({ name }) => name === SERVICE)?.state ?? null,
        },
        items: [...(await names())].map(([domain, setBy]) => ({
          ...{ domain, setBy },
          record: target === null ? null : { type: 'CNAME' as const, name: domain, value: target },
          last: last.get(domain) ?? null,
        })),
      };
    },
    async verify(wanted) {
      const domain = wanted.trim().toLowerCase().replace(/\.$/, '');
      if (!(await names()).has(domain))
        fail(
          'not_found',
          `${domain.slice(0, 253)} is none of this Studio's domains. Add it to CLOUDFLARE_TUNNEL_DOMAINS, or confirm it as the public address.`,
        );
      const id = tunnelId();
      const seen = await checkDomain({ domain, resolver, prove, target: id === undefined ? undefined : tunnelTarget(id), origin: originOf(domain) });
      const verification = { ...seen, at: new Date(clock.now()).toISOString() };
      last.set(domain, verification);
      return verification;
    },
  };
}
