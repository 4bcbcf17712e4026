/** Which addresses may be connected to for data that users control: public ones, and those of hosts that an administrator allowed. Decides on the
 *  addresses that the resolver gives, never on the text of a URL. */
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './addresses.ts';
import { EgressError } from './egress-error.ts';

/** Every address of a host. */
export type Resolve = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/** Resolves once and hands exactly the decided addresses to the socket, so that a second answer of the resolver can't slip in. */
export function guardedLookup(url: URL, allowed: readonly string[], resolve: Resolve): LookupFunction {
  const host = bareHost(url);
  const isAllowed = isAllowedHost(url, allowed);
  const decide = async (): Promise<readonly { readonly address: string; readonly family: number }[]> => {
    const family = isIP(host);
    const found = family === 0 ? await resolve(host) : [{ address: host, family }];
    const usable = isAllowed ? found : found.filter(({ address }) => isPublicAddress(address));
    const [first] = found;
    if (first === undefined) throw new EgressError('egress_failed', `${host} has no address`);
    if (usable.length === 0 || (!isAllowed && usable.length !== found.length))
      throw refusal(url, found.find(({ address }) => !isPublicAddress(address))?.address ?? first.address);
    return usable;
  };
  return (_host, options, callback) => {
    decide().then(
      (addresses) => {
        if (options.all === true) callback(null, [...addresses]);
        else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
}

function refusal(url: URL, address: string): EgressError {
  return new EgressError(
    'egress_refused',
    `${url.host} is ${address}, not a public address; a super administrator can allow it: Settings, System, allowed hosts, add "${url.host}"`,
  );
}

/** Without the brackets of an IPv6 address. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** Whether an administrator allowed it although it is not public. */
export function isAllowedHost(url: URL, allowed: readonly string[]): boolean {
  return allowed.some((rule) => matchesHost(rule, url));
}

/** `name` allows every port of it, `name:port` that one, `*.name` its subdomains. */
function matchesHost(rule: string, url: URL): boolean {
  const [, name = '', port] = /^(.*?)(?::(\d+))?$/.exec(rule) ?? [];
  const actualPort = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  if (port !== undefined && port !== actualPort) return false;
  return name.startsWith('*.') ? url.hostname.endsWith(name.slice(1)) && url.hostname.length > name.length - 1 : url.hostname === name;
}
