import { test } from 'node:test';
import { assertSeeds } from './seeds.ts';

test('5,000 random workflows end as the reference simulator says, whatever crashes come (part 2 of 4)', () => assertSeeds(2));
