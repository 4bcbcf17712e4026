/** A client of PostgreSQL's physical replication over node-postgres's own connection: who the server is, slots, timelines, and its write-ahead log
 *  as it is flushed. Holds one connection; never reconnects (shadow/receiver does), never writes a file.
 *  The role it connects as has LOGIN and REPLICATION and no more: it reads everything, and changes nothing. */
import pg from 'pg';
import type { Connection, Submittable } from 'pg';
import { readStreamMessage, writeStatus, type StreamMessage } from './replication-messages.ts';
import { formatLsn, parseLsn } from './wal-position.ts';

export interface SystemIdentity {
  /** Of the cluster, given once by initdb: as text, for it exceeds what a number holds. */
  readonly systemId: string;
  readonly timeline: number;
  /** Up to here the log is flushed on the server's disk. */
  readonly flushed: bigint;
}

export interface SlotState {
  /** The log is kept from here on; null: nothing is kept yet. */
  readonly restart: bigint | null;
}

export interface WalStream {
  /** Tells the server how far the log is safe on this side. */
  report(position: { readonly written: bigint; readonly flushed: bigint }): void;
  /** No more messages until `resume`, but for those that came already. */
  pause(): void;
  resume(): void;
  /** Settles when the server ends the stream (it stops, or the timeline ended); rejects with what broke it. */
  readonly ended: Promise<void>;
}

export interface Replication {
  identify(): Promise<SystemIdentity>;
  /** @returns undefined when there is none of that name */
  readSlot(name: string): Promise<SlotState | undefined>;
  /** A slot that keeps the log from the last checkpoint on. A temporary one goes with the connection. */
  createSlot(name: string, options?: { readonly isTemporary?: boolean }): Promise<void>;
  dropSlot(name: string): Promise<void>;
  /** The history file of a timeline after the first. */
  readHistory(timeline: number): Promise<Buffer>;
  /** Streams the log from `from` on; the connection can do nothing else from now on.
   *  @param onMessage called in order; the bytes are its own only while it runs */
  stream(
    options: { readonly slot: string; readonly from: bigint; readonly timeline: number; readonly now: () => number },
    onMessage: (message: StreamMessage) => void,
  ): WalStream;
  /** Runs something that speaks the protocol itself (a base backup). */
  submit(work: Submittable): void;
  close(): Promise<void>;
}

/** What a waiting commit names in synchronous_standby_names, and the base backups' connections do not. */
export interface ReplicationOptions {
  readonly connection: pg.ClientConfig;
  readonly name: string;
}

const CONNECT_MS = 10_000;

/** @throws Error when the server does not answer or the role may not replicate */
export async function openReplication(options: ReplicationOptions): Promise<Replication> {
  const config = { ...options.connection, application_name: options.name, connectionTimeoutMillis: CONNECT_MS, replication: 'true' };
  const client = new pg.Client(config);
  // A connection that is lost also rejects what runs on it; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  return {
    async identify() {
      const row = await one(client, 'IDENTIFY_SYSTEM');
      return { systemId: String(row['systemid']), timeline: Number(row['timeline']), flushed: parseLsn(String(row['xlogpos'])) };
    },
    async readSlot(name) {
      const row = await one(client, `READ_REPLICATION_SLOT ${pg.escapeIdentifier(name)}`);
      if (row['slot_type'] === null) return undefined;
      return { restart: row['restart_lsn'] === null ? null : parseLsn(String(row['restart_lsn'])) };
    },
    async createSlot(name, { isTemporary = false } = {}) {
      await client.query(`CREATE_REPLICATION_SLOT ${pg.escapeIdentifier(name)}${isTemporary ? ' TEMPORARY' : ''} PHYSICAL (RESERVE_WAL true)`);
    },
    async dropSlot(name) {
      await client.query(`DROP_REPLICATION_SLOT ${pg.escapeIdentifier(name)} WAIT`);
    },
    async readHistory(timeline) {
      const row = await one(client, `TIMELINE_HISTORY ${Math.trunc(timeline)}`);
      // Said to be text, sent as bytes: names in it are ours, so text it is.
      return Buffer.isBuffer(row['content']) ? row['content'] : Buffer.from(String(row['content']), 'utf8');
    },
    stream: (wanted, onMessage) => startStream(client, wanted, onMessage),
    submit: (work) => void client.query(work),
    close: () => client.end().catch(() => undefined),
  };
}

async function one(client: pg.Client, command: string): Promise<Readonly<Record<string, unknown>>> {
  const { rows } = await client.query<Record<string, unknown>>(command);
  const [row] = rows;
  if (row === undefined) throw new Error(`PostgreSQL answered ${command} with nothing.`);
  return row;
}

/** What node-postgres calls on the query that is active; its types name `submit` alone. */
export interface ProtocolWork extends Submittable {
  handleRowDescription(message: unknown): void;
  handleDataRow(message: { readonly fields: readonly (string | null)[] }): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
  handleCopyData(message: { readonly chunk: Buffer }, connection: Connection): void;
  handleError(error: Error, connection: Connection): void;
  handleReadyForQuery(connection: Connection): void;
}

/** What the connection has beyond its types. */
interface CopyConnection extends Connection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

function startStream(client: pg.Client, wanted: Parameters<Replication['stream']>[0], onMessage: (message: StreamMessage) => void): WalStream {
  const over = Promise.withResolvers<void>();
  // Whoever holds the stream listens; until then it is no unhandled rejection.
  over.promise.catch(() => undefined);
  let connection: CopyConnection | undefined;
  let isOver = false;
  const end = (error?: Error): void => {
    isOver = true;
    if (error === undefined) over.resolve();
    else over.reject(error);
  };
  client.once('error', end);
  client.once('end', () => end());
  const work: ProtocolWork = {
    submit(opened) {
      connection = opened as CopyConnection;
      // The server has sent all there is: it stops, or this timeline has ended.
      opened.once('copyDone', () => connection?.endCopyFrom());
      opened.query(`START_REPLICATION SLOT ${pg.escapeIdentifier(wanted.slot)} PHYSICAL ${formatLsn(wanted.from)} TIMELINE ${Math.trunc(wanted.timeline)}`);
    },
    handleRowDescription: () => undefined,
    handleDataRow: () => undefined,
    handleCommandComplete: () => undefined,
    handleCopyData({ chunk }) {
      if (isOver) return;
      try {
        onMessage(readStreamMessage(chunk));
      } catch (error) {
        end(error instanceof Error ? error : new Error(String(error)));
      }
    },
    handleError: (error) => end(error),
    handleReadyForQuery: () => end(),
  };
  client.query(work);
  return {
    report(position) {
      if (!isOver) connection?.sendCopyFromChunk(writeStatus(position, wanted.now()));
    },
    pause: () => void connection?.stream.pause(),
    resume: () => void connection?.stream.resume(),
    ended: over.promise,
  };
}
