/** Calls of a Studio's API from the command line. Of the Studio on this workspace also without a key: one is made for the call and taken away again, as
 *  whoever reads the workspace's keys is already trusted. */
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { LoadedConfig } from '../config/load.ts';
import { createToken } from '../identity/operator.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { findHolder } from '../supervise/lock.ts';
import { nameOf } from './running-studio.ts';
import { withWorkspace } from './workspace.ts';

export interface Reply {
  readonly status: number;
  readonly text: string;
}

export interface Target {
  readonly url: string;
  /** Of a workspace of this machine: its certificate bears another name than the loopback's. */
  readonly isLocal: boolean;
  token?: string;
}

const ANSWER_MS = 60_000;
const KEY_MS = 15 * 60_000;

/** Where the Studio of this workspace answers. @throws Error when none runs */
export function localUrl(config: { readonly workspacePath: string; readonly host: string; readonly tlsCertFile: string | undefined }): string {
  const holder = findHolder(config.workspacePath);
  if (holder === undefined) throw new Error(`no Studio runs on ${config.workspacePath}. Start it: studio start`);
  if (!holder.isVisible) throw new Error(`Studio runs on ${holder.host}, in another container or machine: run this command there.`);
  return `${config.tlsCertFile === undefined ? 'http' : 'https'}://${nameOf(config.host)}:${holder.port}`;
}

/** Facts that callers on the machine itself may read without a key. @returns the body, whatever the status  @throws Error with what Studio says */
export async function readLocal(loaded: LoadedConfig, path: string): Promise<Reply> {
  const target: Target = { url: localUrl(loaded.config), isLocal: true };
  const reply = await call(target, 'GET', path);
  return reply.status === 401 ? withKey(loaded, (known) => call(known, 'GET', path)) : reply;
}

/** A call of the Studio that runs here, as its first super administrator. @returns the body  @throws Error with what Studio says */
export function askLocal(loaded: LoadedConfig, method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  return withKey(loaded, async (target) => {
    const reply = await call(target, method, path, body);
    const fields = reply.text === '' ? {} : fieldsOf(reply);
    if (reply.status < 400) return fields;
    throw new Error((fields['error'] as { readonly message?: string } | undefined)?.message ?? `${method} ${path} answered ${reply.status}`);
  });
}

async function withKey<T>(loaded: LoadedConfig, work: (target: Target) => Promise<T>): Promise<T> {
  const target: Target = { url: localUrl(loaded.config), isLocal: true };
  const expiresAt = new Date(clock.now() + KEY_MS).toISOString();
  const made = await withWorkspace(loaded, ({ open, log }) =>
    createToken({ database: open(), clock, log }, { name: 'command line', scopes: ['*'], expiresAt }),
  );
  target.token = made.key;
  try {
    return await work(target);
  } finally {
    // One that stays expires.
    await call(target, 'DELETE', `/api/v1/api-keys/${made.id}`).catch(() => undefined);
  }
}

export function fieldsOf(reply: Reply): Record<string, unknown> {
  return JSON.parse(reply.text) as Record<string, unknown>;
}

/** fetch can't be told to accept a certificate whose name is another; on the loopback it is. */
export function call(target: Target, method: string, path: string, body?: unknown): Promise<Reply> {
  const url = new URL(`${target.url}${path}`);
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }),
    ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) }),
  };
  const send = url.protocol === 'https:' ? tlsRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, { method, headers, agent: false, timeout: ANSWER_MS, rejectUnauthorized: !target.isLocal }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (more: string) => (text += more));
      response.once('error', reject).once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.once('timeout', () => request.destroy(new Error(`${method} ${path} had no answer within ${ANSWER_MS / 1_000} s`)));
    request.once('error', reject).end(payload);
  });
}
