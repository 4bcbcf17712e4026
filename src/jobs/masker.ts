/** Takes secrets out of bytes as they stream: also when one is cut between two chunks, and in the forms programs print them in
 *  (base64, URL- and JSON-escaped). Pure. Never changes other bytes: text is handled as latin1, so binary survives. */

export interface Masker {
  /** What may be written now. Bytes that could be the beginning of a secret are held back until more come. */
  push(chunk: Buffer): Buffer;
  /** The rest, at the end. */
  flush(): Buffer;
  /** How many bytes are held back. */
  held(): number;
}

const MASK = '[redacted]';
/** A shorter secret would blank ordinary words, and hide nothing. */
const MIN_LENGTH = 4;

export function createMasker(secrets: readonly string[]): Masker {
  const needles = needlesOf(secrets);
  const pattern = needles.length === 0 ? undefined : new RegExp(needles.map(escapePattern).join('|'), 'g');
  let held = '';
  return {
    push(chunk) {
      if (pattern === undefined) return chunk;
      const text = (held + chunk.toString('latin1')).replace(pattern, MASK);
      const keep = openEnd(text, needles);
      held = keep === 0 ? '' : text.slice(-keep);
      return Buffer.from(keep === 0 ? text : text.slice(0, -keep), 'latin1');
    },
    flush() {
      const rest = Buffer.from(held, 'latin1');
      held = '';
      return rest;
    },
    held: () => held.length,
  };
}

/** Masks a whole text. */
export function maskText(text: string, secrets: readonly string[]): string {
  if (secrets.length === 0) return text;
  const masker = createMasker(secrets);
  return Buffer.concat([masker.push(Buffer.from(text)), masker.flush()]).toString();
}

/** Every form to look for, longest first, as latin1 text of its UTF-8 bytes. */
function needlesOf(secrets: readonly string[]): string[] {
  const forms = new Set<string>();
  for (const secret of secrets) {
    for (const part of [secret, secret.trim(), ...secret.split(/\r?\n/).filter((line) => line.trim().length >= 8)]) {
      if (part.length < MIN_LENGTH) continue;
      for (const form of formsOf(part)) if (form.length >= MIN_LENGTH) forms.add(Buffer.from(form).toString('latin1'));
    }
  }
  return [...forms].toSorted((a, b) => b.length - a.length);
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  const url = encodeURIComponent(secret.toWellFormed());
  return [secret, json, json.replaceAll('/', '\\/'), url, url.replaceAll('%20', '+'), url.toLowerCase(), bytes.toString('hex'), ...base64Forms(bytes)];
}

/** The part of a base64 text that the secret alone decides, for each of the three places it can begin at in a longer text. */
function base64Forms(bytes: Buffer): string[] {
  const forms: string[] = [];
  for (const before of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const first = before === 0 ? 0 : before + 1;
    const last = Math.floor((padded.length * 8) / 6);
    const sure = padded.toString('base64').slice(first, last);
    // Short pieces would match by chance.
    if (sure.length >= 6) forms.push(sure, sure.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}

/** Length of the longest end of `text` that a needle begins with. */
function openEnd(text: string, needles: readonly string[]): number {
  const longest = (needles[0]?.length ?? 1) - 1;
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const end = text.slice(-length);
    if (needles.some((needle) => needle.length > length && needle.startsWith(end))) return length;
  }
  return 0;
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
