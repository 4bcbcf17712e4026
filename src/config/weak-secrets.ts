/** Secrets that everybody knows, or that can be guessed. Pure. */

/** From the examples of the systems people move from, and from the lists that scanners try first. */
const KNOWN =
  /^(change[-_ ]?(me|this|it)?.*|secret.*|(my|your|the|super)[-_ ]?(super[-_ ]?)?(secret|key|password|token|jwt).*|password.*|passw0rd|postgres(ql)?|admin.*|root|test.*|dev.*|default|example.*|letmein|qwerty.*|123.*|abc.*|studio|selfhost.*|jwt[-_ ]?secret.*|worker[-_ ]?secret.*|replace[-_ ]?me.*|todo|none|null|x+)$/i;

/** 16 different hex digits stand in 64 of them nearly always; a text with fewer than this was typed. */
const FEWEST_CHARACTERS = 8;

/** @returns the end of a sentence that begins with the variable's name, or undefined when the value is strong enough */
export function weaknessOf(value: string, options: { readonly needs256Bits: boolean }): string | undefined {
  // A long random value may begin like a known one ("dev…", "abc…"): only short ones are judged by their beginning.
  if (value.length < 32 && KNOWN.test(value)) return 'is a well-known value';
  if (/^(change|replace|your|my|super|secret|example|password)[-_]/i.test(value)) return 'is a well-known value';
  if (options.needs256Bits && Buffer.byteLength(value) < 32) return `has ${Buffer.byteLength(value)} bytes; it needs 32 (256 bits)`;
  if (!options.needs256Bits && value.length < 12) return `has ${value.length} characters; it needs 12`;
  if (new Set(value).size < FEWEST_CHARACTERS) return `repeats ${new Set(value).size} different characters`;
  return undefined;
}
