/** Masks every string made from a secret, and the forms it commonly travels in, in texts and JSON. Pure. */
import type { Json } from '../contract/endpoint.ts';

const MASK = '***';

export interface Redaction {
  readonly isEmpty: boolean;
  text(text: string): string;
  json(value: Json): Json;
}

export const noRedaction: Redaction = { isEmpty: true, text: (text) => text, json: (value) => value };

/** @param made the strings to hide; their base64, URL and JSON forms are hidden too */
export function redactionOf(made: readonly string[]): Redaction {
  if (made.length === 0) return noRedaction;
  const needles = [...new Set(made.filter((one) => one !== '').flatMap(formsOf))].toSorted((a, b) => b.length - a.length);
  if (needles.length === 0) return noRedaction;
  const text = (value: string): string => needles.reduce((masked, needle) => masked.replaceAll(needle, MASK), value);
  const json = (value: Json): Json => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(json);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [text(key), json(child)]));
  };
  return { isEmpty: false, text, json };
}

/** Hides what either hides. */
export function alsoHiding(redaction: Redaction, made: readonly string[]): Redaction {
  const more = redactionOf(made);
  if (more.isEmpty) return redaction;
  if (redaction.isEmpty) return more;
  return { isEmpty: false, text: (text) => more.text(redaction.text(text)), json: (value) => more.json(redaction.json(value)) };
}

function formsOf(secret: string): readonly string[] {
  const base64 = Buffer.from(secret, 'utf8').toString('base64');
  return [
    secret,
    encodeURIComponent(secret.toWellFormed()),
    JSON.stringify(secret).slice(1, -1),
    base64,
    base64.replace(/=+$/, ''),
    Buffer.from(secret, 'utf8').toString('base64url'),
  ];
}
