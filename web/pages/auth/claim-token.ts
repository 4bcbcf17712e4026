/** The token of a claim link. Pure. */

/** The token after the `#`, or in the query of links that a mail program rewrote; '' when there is none. */
export function claimToken(address: string): string {
  const url = new URL(address);
  return new URLSearchParams(url.hash.slice(1)).get('token') ?? url.searchParams.get('token') ?? '';
}
