/** The address of the page that says what to do about an error. */

/** Errors of the browser's own have no page of theirs. */
const OWN: Readonly<Record<string, string>> = { network: 'api-does-not-start', timeout: 'slow', aborted: 'slow', bad_reply: 'internal' };

export function helpAddress(code: string): string {
  return new URL(`docs/troubleshooting/${OWN[code] ?? code.replaceAll('_', '-')}`, document.baseURI).href;
}
