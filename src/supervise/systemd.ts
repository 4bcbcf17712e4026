/** What systemd is told of a service of Type=notify: ready, stopping, alive, and a line of status. Does nothing where systemd did not ask.
 *  Node has no datagram sockets of the file system, so that systemd's own program systemd-notify sends.
 *  One thing to know: that is a child, so the unit says NotifyAccess=all, and each message costs a process. */
import { execFile } from 'node:child_process';
import type { Clock } from '../kernel/clock.ts';

export interface Systemd {
  /** Sends it, after what was sent before; a fault is told once and stops nothing. */
  tell(facts: Readonly<Record<string, string>>): void;
  /** Says from now on that this process lives, as often as the unit asks: a process whose event loop hangs is silent, and is started anew. */
  watch(): void;
  stop(): void;
}

export interface SystemdParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly onFault: (message: string) => void;
}

/** Where a minimal machine has it. */
export const SYSTEMD_NOTIFY = '/usr/bin/systemd-notify';
const SEND_MS = 5_000;

/** @returns undefined where no unit of Type=notify started this process */
export function connectSystemd({ env, clock, onFault }: SystemdParts): Systemd | undefined {
  const socket = env['NOTIFY_SOCKET'];
  if (socket === undefined || !/^[/@]/.test(socket)) return undefined;
  let turn: Promise<void> = Promise.resolve();
  let hasFailed = false;
  let cancel = (): void => undefined;
  const send = (words: readonly string[]): Promise<void> =>
    new Promise((resolve) => {
      execFile(SYSTEMD_NOTIFY, [`--pid=${process.pid}`, ...words], { env: { NOTIFY_SOCKET: socket }, timeout: SEND_MS }, (error) => {
        if (error !== null && !hasFailed) onFault(error.message);
        hasFailed ||= error !== null;
        resolve();
      });
    });
  const tell = (facts: Readonly<Record<string, string>>): void => {
    const words = Object.entries(facts).map(([name, value]) => `${name}=${value.replaceAll('\n', ' ')}`);
    turn = turn.then(() => send(words));
  };
  return {
    tell,
    watch() {
      const periodMs = Number(env['WATCHDOG_USEC'] ?? 0) / 1_000;
      if (!(periodMs > 0)) return;
      const beat = (): void => {
        tell({ WATCHDOG: '1' });
        // Twice in the time given, as systemd advises.
        cancel = clock.after(periodMs / 2, beat);
      };
      beat();
    },
    stop: () => cancel(),
  };
}
