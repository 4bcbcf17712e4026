/** The nonce that the page's policy allows a style element to carry: CodeMirror inserts one. */
export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name=style-nonce]')?.content ?? '';
}
