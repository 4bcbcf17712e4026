/** Which names an expression may read where it stands. Pure. */
import type { NameRules } from './expression-names.ts';
import type { Level } from './levels.ts';

const EVERYWHERE = ['input', 'steps', 'instance', 'workflow', 'secrets'];

const ONLY_IN_BODIES = 'is only there inside the body of a map or loop; outside, read the output of that step';
const ONLY_IN_LOOPS = 'is only there inside the body of a loop and in its "while": the output of the turn before';
const ONLY_DEEPER = 'is only there in a body inside another body, and reaches out to its item and index';

/** @param isTurn the condition of a loop, asked before each turn: it stands around the body, and sees the turn too */
export function namesAt(level: Level, isTurn: boolean): NameRules {
  const { depth } = level;
  return {
    roots: [
      ...EVERYWHERE,
      ...(depth > 0 ? ['item'] : []),
      ...(depth > 0 || isTurn ? ['index'] : []),
      ...(depth > 1 ? ['parent'] : []),
      ...(isTurn || isInLoop(level) ? ['previous'] : []),
    ],
    elsewhere: {
      item: ONLY_IN_BODIES,
      index: ONLY_IN_BODIES,
      parent: depth === 0 ? ONLY_IN_BODIES : ONLY_DEEPER,
      previous: ONLY_IN_LOOPS,
      labels: 'is no name of its own; read instance.labels',
    },
  };
}

function isInLoop(level: Level): boolean {
  return level.owner !== undefined && (level.owner.node.type === 'loop' || isInLoop(level.owner.level));
}

const BEFORE_THE_START = 'is not there yet when the limit is asked: before the first step; read input or instance.labels';

/** Of `settings.concurrency.key` and `settings.rateLimit.key`. */
export const LIMIT_KEY_NAMES: NameRules = {
  roots: ['input', 'instance'],
  elsewhere: {
    ...Object.fromEntries(['steps', 'workflow', 'secrets', 'item', 'index', 'parent', 'previous'].map((name) => [name, BEFORE_THE_START])),
    labels: 'is no name of its own; read instance.labels',
  },
};
