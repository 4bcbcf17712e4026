/** What an API key may be allowed to do, by noun, with what it means. Complete by type: a new scope of the contract must be said here. */
import type { Scope } from '../../../src/contract/api-keys.ts';

type Noun = Scope extends `${infer N}:${string}` ? N : never;
export type Verb = Scope extends `${string}:${infer V}` ? V : never;

export const verbs: readonly Verb[] = ['read', 'write', 'run'];

export interface NounScopes {
  readonly noun: Noun;
  readonly meaning: string;
  readonly verbs: readonly Verb[];
}

const meanings: Readonly<Record<Noun, readonly [meaning: string, verbs: readonly Verb[]]>> = {
  workflows: ['Definitions, drafts, triggers; run: start instances', ['read', 'write', 'run']],
  instances: ['Runs of workflows; run: pause, cancel, retry', ['read', 'write', 'run']],
  jobs: ['Commands on queues, logs, artifacts', ['read', 'run']],
  files: ['Files and uploads', ['read', 'write']],
  events: ['Live events', ['read']],
  notifications: ['One’s notifications; for administrators, what is sent', ['read', 'write']],
  secrets: ['Names of secrets; setting them', ['read', 'write']],
  credentials: ['Credentials without their secrets; run: test them', ['read', 'write', 'run']],
  users: ['One’s own account', ['read']],
  members: ['People of the organisation', ['read', 'write']],
  settings: ['Settings', ['read', 'write']],
  audit: ['The audit trail', ['read']],
  models: ['Models and downloads; run: ask them at /v1', ['read', 'write', 'run']],
  machine: ['Queues, workers, GPUs, services, health', ['read', 'write']],
};

export const nounScopes: readonly NounScopes[] = (Object.keys(meanings) as Noun[]).map((noun) => ({
  noun,
  meaning: meanings[noun][0],
  verbs: meanings[noun][1],
}));
