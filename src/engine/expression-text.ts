/** How a value reads inside a text: strings as they are, nothing for what is missing, everything else as JSON. Pure. */
export function jsonText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  return JSON.stringify(value);
}
