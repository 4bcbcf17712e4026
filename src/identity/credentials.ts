/** What a caller shows to be let in. An empty value is one that can't be right: refused, not ignored. */
export interface Credentials {
  /** `bearer`: an access token or an API key. `cookie`: a browser's session. */
  readonly kind: 'bearer' | 'cookie';
  readonly value: string;
}
