/** How what a look at a domain came to is called and coloured. Pure. */
import type { DomainVerification } from '../../../src/contract/domains.ts';

type Verdict = DomainVerification['verdict'] | undefined;

const WORDS: Readonly<Record<DomainVerification['verdict'], string>> = {
  ok: 'Works',
  not_tunnelled: 'Not through the tunnel',
  does_not_resolve: 'Not in the DNS',
  points_elsewhere: 'Points elsewhere',
  no_answer: 'No answer',
  another_answers: 'Another answers',
};

export function verdictWords(verdict: Verdict): string {
  return verdict === undefined ? 'Not verified yet' : WORDS[verdict];
}

/** As the chips of statuses know it. */
export function verdictStatus(verdict: Verdict): 'ok' | 'degraded' | 'failed' | 'pending' {
  if (verdict === undefined) return 'pending';
  if (verdict === 'ok') return 'ok';
  return verdict === 'not_tunnelled' ? 'degraded' : 'failed';
}
