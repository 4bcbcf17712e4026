/** Values as YAML. Loaded only for those who use it: it costs start time and memory. Reading is yaml-worker.ts. */
import { stringify } from 'yaml';
import type { Json } from '../contract/endpoint.ts';

/** YAML that reads back the same, without aliases. */
export function yamlText(value: Json): string {
  return stringify(value, { version: '1.2', schema: 'core', lineWidth: 0, aliasDuplicateObjects: false });
}
