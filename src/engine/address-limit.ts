/** How often one address may do something, counted in memory: bounded in addresses, forgotten at a restart (what is counted in all is not). */
import type { Clock } from '../kernel/clock.ts';

/** Beyond it the longest unseen go. */
const MAX_ADDRESSES = 20_000;

/** @returns a function that counts one try and tells how long until one passes; 0: this one did */
export function createAddressLimit(clock: Clock, rate: { readonly limit: number; readonly periodMs: number }): (subject: string, address: string) => number {
  const marks = new Map<string, number>();
  const stepMs = rate.periodMs / rate.limit;
  return (subject, address) => {
    const name = `${subject} ${network(address)}`;
    const now = clock.monotonic();
    const next = Math.max(marks.get(name) ?? 0, now) + stepMs;
    const waitMs = next - now - rate.periodMs;
    if (waitMs > 0) return waitMs;
    marks.delete(name);
    marks.set(name, next);
    const [oldest] = marks.keys();
    if (marks.size > MAX_ADDRESSES && oldest !== undefined) marks.delete(oldest);
    return 0;
  };
}

/** One caller's network: an IPv6 customer owns a /64. */
function network(address: string): string {
  return address.includes(':') ? address.split(':').slice(0, 4).join(':') : address;
}
