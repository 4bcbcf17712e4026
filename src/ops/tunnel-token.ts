/** What the token of a Cloudflare tunnel says: base64 of `{ a: account, t: tunnel, s: secret }`. Only the tunnel's id is ever taken out of it. Pure. */

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @returns undefined when the token is of another form */
export function tunnelIdOf(token: string): string | undefined {
  try {
    const { t: id } = JSON.parse(Buffer.from(token, 'base64').toString('utf8')) as { readonly t?: unknown };
    return typeof id === 'string' && UUID.test(id) ? id.toLowerCase() : undefined;
  } catch {
    // No JSON inside: a token of a kind that is not known here.
    return undefined;
  }
}

/** What the domains of a tunnel point at. */
export function tunnelTarget(id: string): string {
  return `${id}.cfargotunnel.com`;
}
