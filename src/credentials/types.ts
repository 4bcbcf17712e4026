/** The registry of credential types: which fields each has, which of them are secret, where they may be sent, and what headers they become.
 *  A new type is one entry here. Never reads the store and never asks the network itself: oauth.ts does. */
import * as z from 'zod';

/** Values of a credential, by field; empty ones are left out. */
export type CredentialValues = Readonly<Record<string, string>>;

/** What goes along with a request. `made`: every string that must not show, beside the secret values themselves. */
export interface CredentialHeaders {
  readonly headers: Readonly<Record<string, string>>;
  readonly made: readonly string[];
}

export interface CredentialTools {
  /** An access token of the client-credentials grant. @throws CredentialError */
  readonly accessToken: (values: CredentialValues) => Promise<string>;
}

export interface CredentialType {
  readonly type: string;
  readonly title: string;
  readonly about: string;
  readonly fields: z.ZodObject;
  /** Of its fields. */
  readonly secrets: readonly string[];
  /** Fields that say where secrets are sent: they change only together with the secrets. */
  readonly places: readonly string[];
  /** The hosts that its fields name; absent: whoever makes it says. */
  readonly hostsOf?: (values: CredentialValues) => readonly string[];
  readonly headersOf: (values: CredentialValues, tools: CredentialTools) => CredentialHeaders | Promise<CredentialHeaders>;
  /** What a test asks with GET. */
  readonly testUrlOf: (values: CredentialValues) => string | undefined;
}

/** What stands in a header: printable, so that nothing can be added behind a line break. */
const HEADER_TEXT = /^[\x20-\x7e\u0080-\u00ff]*$/;
const text = (title: string, more: Readonly<Record<string, unknown>> = {}): z.ZodString =>
  z
    .string()
    .min(1)
    .max(16_384)
    .regex(HEADER_TEXT, 'a single line of printable characters')
    .meta({ title, ...more });
const secret = (title: string): z.ZodString => text(title, { 'x-secret': true });
const url = (title: string, description: string): z.ZodType<string> =>
  z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .refine((value) => !URL.canParse(value) || (new URL(value).username === '' && new URL(value).password === ''), 'no name or password in the URL')
    .meta({ title, description });
const testUrl = url('Test URL', 'What a test asks with GET; an answer below 400 means that it works').optional();

/** One secret field that is sent as Authorization: Bearer. */
function bearerOf(field: string): Pick<CredentialType, 'secrets' | 'headersOf'> {
  return { secrets: [field], headersOf: (values) => ({ headers: { authorization: `Bearer ${values[field] ?? ''}` }, made: [] }) };
}

const httpBasic: CredentialType = {
  type: 'http_basic',
  title: 'Name and password',
  about: 'HTTP basic authentication.',
  fields: z.strictObject({ username: text('Name'), password: secret('Password'), testUrl }),
  secrets: ['password'],
  places: [],
  headersOf({ username = '', password = '' }) {
    const pair = Buffer.from(`${username}:${password}`).toString('base64');
    return { headers: { authorization: `Basic ${pair}` }, made: [pair] };
  },
  testUrlOf: (values) => values['testUrl'],
};

const httpBearer: CredentialType = {
  type: 'http_bearer',
  title: 'Bearer token',
  about: 'A token sent as Authorization: Bearer.',
  ...bearerOf('token'),
  fields: z.strictObject({ token: secret('Token'), testUrl }),
  places: [],
  testUrlOf: (values) => values['testUrl'],
};

const httpHeader: CredentialType = {
  type: 'http_header',
  title: 'Header',
  about: 'A key sent in a header of its own, as in X-API-Key.',
  fields: z.strictObject({
    header: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/, 'letters, digits and -')
      .meta({ title: 'Header', description: 'As in X-API-Key' }),
    value: secret('Value'),
    testUrl,
  }),
  secrets: ['value'],
  places: [],
  headersOf: ({ header = '', value = '' }) => ({ headers: { [header.toLowerCase()]: value }, made: [] }),
  testUrlOf: (values) => values['testUrl'],
};

const oauth2: CredentialType = {
  type: 'oauth2_client_credentials',
  title: 'OAuth 2 client',
  about: 'Access tokens of the client-credentials grant, fetched when they are needed and kept until they end.',
  fields: z.strictObject({
    tokenUrl: url('Token URL', 'The client’s secret is sent here alone'),
    clientId: text('Client ID'),
    clientSecret: secret('Client secret'),
    scope: text('Scope').optional(),
    audience: text('Audience').optional(),
    sendAs: z.enum(['header', 'body']).optional().meta({ title: 'Send the secret in', description: 'header (the default) or body, as the provider wants it' }),
    testUrl,
  }),
  secrets: ['clientSecret'],
  places: ['tokenUrl'],
  async headersOf(values, { accessToken }) {
    const token = await accessToken(values);
    return { headers: { authorization: `Bearer ${token}` }, made: [token] };
  },
  testUrlOf: (values) => values['testUrl'],
};

const huggingFace: CredentialType = {
  type: 'huggingface',
  title: 'Hugging Face',
  about: 'A token of huggingface.co.',
  ...bearerOf('token'),
  fields: z.strictObject({ token: secret('Token') }),
  places: [],
  hostsOf: () => ['huggingface.co'],
  testUrlOf: () => 'https://huggingface.co/api/whoami-v2',
};

const openAi: CredentialType = {
  type: 'openai_compatible',
  title: 'OpenAI-compatible provider',
  about: 'A key of a provider that speaks the OpenAI API.',
  fields: z.strictObject({ baseUrl: url('Base URL', 'As in https://api.openai.com/v1'), apiKey: secret('API key') }),
  ...bearerOf('apiKey'),
  places: ['baseUrl'],
  hostsOf: ({ baseUrl = '' }) => [hostRuleOf(baseUrl)],
  testUrlOf: ({ baseUrl = '' }) => `${baseUrl.replace(/\/+$/, '')}/models`,
};

/** The host of a URL as a rule of its own. */
function hostRuleOf(text: string): string {
  const { protocol, host } = new URL(text);
  return protocol === 'http:' ? `http://${host}` : host;
}

export const credentialTypes: readonly CredentialType[] = [httpBearer, httpHeader, httpBasic, oauth2, openAi, huggingFace];

export function typeOf(name: string): CredentialType | undefined {
  return credentialTypes.find(({ type }) => type === name);
}
