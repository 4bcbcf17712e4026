/** Configuration in TOML and YAML. Loaded only for those who use one: both cost start time and memory. Imported whole, as the build needs it. */
import { parse } from 'smol-toml';
import { parse as parseYamlText } from 'yaml';

/** @throws Error with the place in the text */
export function parseToml(text: string): unknown {
  return parse(text);
}

/** @throws Error with the place in the text */
export function parseYaml(text: string): unknown {
  return parseYamlText(text);
}
