/** Headers that may go to some hosts alone: whatever a URL, a redirect or a mistake asks for, they are sent nowhere else. Pure.
 *  A rule is `name`, `name:port` or `*.name` (its subdomains, not itself): over https. `http://` before it allows plain HTTP too. */

/** What one hop of a request is about to send. */
export interface Hop {
  readonly method: string;
  readonly url: URL;
}

export interface Binding {
  readonly hosts: readonly string[];
  readonly headersFor: (hop: Hop) => Readonly<Record<string, string>>;
}

const RULE = /^(http:\/\/)?((?:\*\.)?(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\]))(?::(\d{1,5}))?$/;

/** Whether bound headers may go to `url`. A rule that is none allows nothing. */
export function mayCarry(hosts: readonly string[], url: URL): boolean {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
  return hosts.some((rule) => {
    const [, plain, name = '', port] = RULE.exec(rule) ?? [];
    if (name === '' || (url.protocol === 'http:' && plain === undefined)) return false;
    // Without a port the rule means the usual one, on plain HTTP any: what runs beside a machine has ports of its own.
    const actualPort = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
    if (port === undefined ? plain === undefined && actualPort !== '443' : port !== actualPort) return false;
    return name.startsWith('*.') ? url.hostname.endsWith(name.slice(1)) && url.hostname.length > name.length - 1 : url.hostname === name;
  });
}
