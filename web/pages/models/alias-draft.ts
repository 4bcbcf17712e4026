/** Other names of models as they are typed: one a line, `gpt-4o = qwen3-8b`. Pure. */

export function textOfAliases(aliases: Readonly<Record<string, string>>): string {
  return Object.entries(aliases)
    .map(([alias, name]) => `${alias} = ${name}`)
    .join('\n');
}

/** @returns the names, or what is wrong with which line */
export function aliasesOfText(text: string): { readonly aliases: Readonly<Record<string, string>> } | { readonly fault: string } {
  const aliases = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const [alias = '', name = '', ...more] = line.split('=').map((part) => part.trim());
    if (alias === '' || name === '' || more.length > 0) return { fault: `Line ${index + 1}, “${line.trim()}”, is not of the form  other name = model.` };
    if (aliases.has(alias)) return { fault: `Line ${index + 1} names ${alias} again.` };
    aliases.set(alias, name);
  }
  return { aliases: Object.fromEntries(aliases) };
}
