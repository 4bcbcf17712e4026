/** Logs of jobs for who follows many of them in ranges (the socket). Reads files by their path each time: a log that began anew is simply the one that is there. */
import { isTerminalJob } from '../contract/values.ts';
import type { LogEnd } from '../contract/events.ts';
import type { Sql } from '../store/client.ts';
import { readJob, readJobStatus } from '../store/jobs.ts';
import { jobFolder } from './job-folder.ts';
import { openRead } from './log-pump.ts';

export interface JobLogs {
  /** At most `maxBytes` from `from` on, and how long the log is now. */
  read(jobId: string, from: number, maxBytes: number): Promise<{ readonly bytes: Buffer; readonly size: number }>;
  /** How the job ended, once nothing is added to its log any more. */
  end(job: { readonly id: string; readonly orgId: string }): Promise<LogEnd | undefined>;
  /** Told when a log may have grown or ended. @returns ends that */
  onChange(jobId: string, listener: () => void): () => void;
}

export interface JobLogsParts {
  readonly workspacePath: string;
  readonly sql: Sql;
  /** Whether this process has the job in hand. */
  readonly isRunning: (jobId: string) => boolean;
  readonly onChange: JobLogs['onChange'];
}

export function createJobLogs({ workspacePath, sql, isRunning, onChange }: JobLogsParts): JobLogs {
  return {
    async read(jobId, from, maxBytes) {
      const handle = await openRead(jobFolder(workspacePath, jobId).log);
      if (handle === undefined) return { bytes: Buffer.alloc(0), size: 0 };
      try {
        const { size } = await handle.stat();
        const length = Math.max(0, Math.min(maxBytes, size - from));
        if (length === 0) return { bytes: Buffer.alloc(0), size };
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, from);
        return { bytes: buffer.subarray(0, bytesRead), size };
      } finally {
        await handle.close();
      }
    },
    async end(job) {
      if (isRunning(job.id)) return undefined;
      const status = await readJobStatus(sql, job);
      if (status !== undefined && !isTerminalJob(status)) return undefined;
      const ended = status === undefined ? undefined : await readJob(sql, job);
      if (ended === undefined) return { status: 'gone' };
      const { exitCode, signal, reason } = ended;
      return {
        status: ended.status,
        ...(exitCode === undefined ? {} : { exitCode }),
        ...(signal === undefined ? {} : { signal }),
        ...(reason === undefined ? {} : { reason }),
      };
    },
    onChange,
  };
}
