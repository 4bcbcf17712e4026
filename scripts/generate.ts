/** Writes the parts of the documentation that derive from the code, between their markers: `<!-- NAME -->` … `<!-- /NAME -->`.
 *  With --check it writes nothing and fails when one is out of date. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeKeys } from '../src/config/explain.ts';

const root = join(import.meta.dirname, '..');

/** What stands where: a file, the name of its markers, and the text between them. */
const parts: readonly { readonly file: string; readonly name: string; readonly make: () => string }[] = [
  { file: 'README.md', name: 'configuration', make: configTable },
];

/** The configuration's table: one row a variable, aliases below it. */
function configTable(): string {
  const rows = describeKeys().map(
    ({ names: [name, ...aliases], fallback, about }) =>
      `| \`${name}\`${aliases.length === 0 ? '' : `<br>${aliases.map((alias) => `\`${alias}\``).join(', ')}`} | ${fallback} | ${about} |`,
  );
  return ['| variable | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

const isCheck = process.argv.includes('--check');
const faults: string[] = [];
for (const { file, name, make } of parts) {
  const path = join(root, file);
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const [start, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) {
    faults.push(`${file} has no place for "${name}": put the lines ${start.trim()} and ${end} where it belongs`);
    continue;
  }
  const made = `${text.slice(0, from + start.length)}\n${make().trim()}\n\n${text.slice(to)}`;
  if (made === text) continue;
  if (isCheck) faults.push(`"${name}" in ${file} is out of date: run node scripts/generate.ts`);
  else writeFileSync(path, made);
}
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
