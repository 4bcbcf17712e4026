/** Where a service is defined, in a word. */
import type { Service } from '../../../src/contract/services.ts';

export const sourceWords: Readonly<Record<Service['source'], string>> = { built_in: 'Studio', file: 'File', api: 'Here' };
