/** The life of the joined parts: in which order they start, take no new work, and stop. Knows each by what it can do, not by what it is. Part of
 *  wire.ts. */

import { messageOf } from './kernel/fail.ts';
import type { Logger } from './kernel/log.ts';

interface Started {
  start(): void | Promise<void>;
}

interface Stopped {
  stop(): void | Promise<void>;
}

interface Drained {
  drain(): void | Promise<void>;
}

type Lasting = Started & Stopped;

export interface LifeParts {
  readonly log: Logger;
  readonly files: Started;
  readonly uploads: Lasting;
  readonly maintenance: Started;
  readonly engine: Lasting & Drained;
  readonly identity: Started;
  readonly realtime: Lasting & Drained;
  readonly gpus: Lasting;
  readonly jobs: Lasting & Drained;
  readonly triggers: Lasting;
  readonly inbox: Lasting;
  readonly runData: Lasting;
  readonly retention: Lasting;
  readonly backups: Lasting;
  readonly models: Lasting & Drained & { stopCounting(): Promise<void> };
  readonly notify: Lasting;
  readonly services: Lasting;
  readonly watching: Lasting;
  readonly patrol: Lasting;
  readonly sandbox: Stopped;
  readonly previewer: Stopped;
  readonly http: Stopped;
  /** The last to stop, in this order: others still speak through them. */
  readonly channels: readonly (() => void | Promise<void>)[];
}

export interface Life {
  /** All of it, or nothing: what had started is stopped again. */
  start(): Promise<void>;
  /** Takes no new work; what runs goes on for now. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

export function lifeOf(parts: LifeParts): Life {
  const { engine, jobs, models, realtime, triggers, inbox } = parts;
  const start = async (): Promise<void> => {
    await parts.files.start();
    await parts.uploads.start();
    await parts.maintenance.start();
    await engine.start();
    await parts.identity.start();
    await realtime.start();
    await parts.gpus.start();
    await jobs.start();
    await triggers.start();
    await inbox.start();
    await parts.runData.start();
    await parts.retention.start();
    await parts.backups.start();
    await models.start();
    await parts.notify.start();
    await parts.services.start();
    await parts.watching.start();
    await parts.patrol.start();
  };
  const stop = async (): Promise<void> => {
    await parts.patrol.stop();
    await parts.watching.stop();
    await models.stop();
    await parts.http.stop();
    await parts.services.stop();
    await parts.backups.stop();
    await parts.runData.stop();
    await parts.retention.stop();
    await jobs.stop();
    await parts.gpus.stop();
    await engine.stop();
    await models.stopCounting();
    await parts.sandbox.stop();
    await parts.previewer.stop();
    await parts.notify.stop();
    await parts.uploads.stop();
    await realtime.stop();
    for (const close of parts.channels) await close();
  };
  return {
    async start() {
      try {
        await start();
      } catch (error) {
        // Half of it would work on unseen.
        await stop().catch((fault: unknown) => parts.log.warn({ cause: messageOf(fault) }, 'what had started did not all stop'));
        throw error;
      }
    },
    async drain() {
      await Promise.all([triggers.stop(), inbox.stop()]);
      await jobs.drain();
      await realtime.drain();
      await engine.drain();
      await models.drain();
    },
    stop,
  };
}
