/** YAML of definitions. Loaded only when there is such a file: the parser costs start time and memory. */
import { parse } from 'yaml';

/** @throws Error with the place in the text */
export function parseYaml(text: string): unknown {
  return parse(text);
}
