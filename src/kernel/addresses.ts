/** Which addresses are public. Decides on parsed addresses only, never on text: `0x7f.1`, `::ffff:127.0.0.1` and `127.0.0.1` are one.
 *  Source: the IANA special-purpose address registries, as ipaddr.js names their ranges; what it can't name is refused. */
import ipaddr from 'ipaddr.js';

/** Documentation, benchmarking and protocol ranges that ipaddr.js calls unicast. */
const EXTRA_V4 = ['192.0.0.0/24', '192.0.2.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '192.88.99.0/24'].map((cidr) =>
  ipaddr.IPv4.parseCIDR(cidr),
);

/** Whether packets to `address` leave for the public internet. An address that embeds an IPv4 one (mapped, NAT64, 6to4, Teredo) is
 *  never public: what it reaches depends on the network. @param address as the resolver gave it  @returns false for anything unreadable */
export function isPublicAddress(address: string): boolean {
  // A zone (`fe80::1%eth0`) only exists on local links.
  if (address.includes('%') || !ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  if (parsed instanceof ipaddr.IPv4) return !EXTRA_V4.some((range) => parsed.match(range));
  // Global unicast of today is 2000::/3; everything beside it is reserved or local.
  return ((parsed.parts[0] ?? 0) & 0xe000) === 0x2000;
}
