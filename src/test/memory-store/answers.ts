/** What the files of the store in memory share: how an answer is typed, and small readings of rows. */
import type { Json } from '../../contract/endpoint.ts';
import { isTerminalInstance, type InstanceStatus } from '../../contract/values.ts';
import type { EngineStore } from '../../engine/store-port.ts';

/** The questions of the engine, answered at once. */
export type Answers = { readonly [Name in keyof EngineStore]: (...rest: Parameters<EngineStore[Name]>) => Awaited<ReturnType<EngineStore[Name]>> };

export type Part<Names extends keyof EngineStore> = Pick<Answers, Names>;

/** An error as the database gives it. */
export function databaseError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

export function isLive(row: { readonly status: InstanceStatus }): boolean {
  return !isTerminalInstance(row.status);
}

export function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}

export function parse(text: string | null): Json {
  return text === null ? null : (JSON.parse(text) as Json);
}
