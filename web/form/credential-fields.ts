/** The fields of a credential type's JSON Schema, as its form shows them. Pure. Every value is a text. */
import { titleOfName } from './schema-controls.ts';

export interface CredentialField {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly required: boolean;
  /** Goes in and never comes back. */
  readonly isSecret: boolean;
  readonly isUrl: boolean;
  /** One of these; empty: any text. */
  readonly choices: readonly string[];
}

export function credentialFields(schema: Readonly<Record<string, unknown>>): readonly CredentialField[] {
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(asRecord(schema['properties'])).map(([name, given]) => {
    const own = asRecord(given);
    return {
      name,
      title: typeof own['title'] === 'string' ? own['title'] : titleOfName(name),
      description: typeof own['description'] === 'string' ? own['description'] : '',
      required: required.includes(name),
      isSecret: own['x-secret'] === true,
      isUrl: own['format'] === 'uri',
      choices: Array.isArray(own['enum']) ? own['enum'].filter((value): value is string => typeof value === 'string') : [],
    };
  });
}

/** Hosts as a person writes them: one a line, or with commas. */
export function hostsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((host) => host !== ''))];
}

/** What is sent of a form: for a credential that is there, only what was changed, so that its secrets stay. */
export function valuesToSend(
  fields: readonly CredentialField[],
  typed: Readonly<Record<string, string>>,
  present: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  return Object.fromEntries(
    fields.flatMap(({ name, isSecret }) => {
      const value = typed[name] ?? '';
      if (present === undefined) return value === '' ? [] : [[name, value]];
      const isChanged = isSecret ? value !== '' : value !== (present[name] ?? '');
      return isChanged ? [[name, value]] : [];
    }),
  );
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
