/** The shim: the small POSIX shell script that stands over every job, in a session and process group of its own, and outlives Studio.
 *  Constant text: everything that differs comes as arguments, nothing is ever put into the script. A shell starts in 2 ms, a Node in 32.
 *
 *  Arguments: job folder, folder to work in, file for stdin, uid to run as or `-`, then the absolute program and its arguments.
 *  It leaves `shim.pid` at once and `exit` at the end (written beside, then renamed: whole or not there).
 *  A caught signal is reset in a child, an ignored one is not: hence `trap :`. The group's SIGTERM then reaches the job, and the shim lives to record how it ended. */
export const SHIM = `trap : TERM HUP INT QUIT
dir=$1 work=$2 stdin=$3 uid=$4
shift 4
{ echo 500 >/proc/$$/oom_score_adj; } 2>/dev/null
ulimit -c 0 2>/dev/null
umask 077
echo $$ >"$dir/shim.pid.new" && mv -f "$dir/shim.pid.new" "$dir/shim.pid"
umask 022
if cd "$work" 2>>"$dir/stderr"; then
  if [ "$uid" = - ]; then
    "$@" <"$stdin" >>"$dir/stdout" 2>>"$dir/stderr"
  else
    setpriv --reuid "$uid" --regid "$uid" --clear-groups --no-new-privs --inh-caps=-all -- "$@" <"$stdin" >>"$dir/stdout" 2>>"$dir/stderr"
  fi
  code=$?
else
  code=126
fi
{ echo "code $code"; times; echo end; } >"$dir/exit.new"
mv -f "$dir/exit.new" "$dir/exit"
`;

/** How a job's process ended, as the shim recorded it. */
export interface ExitRecord {
  readonly code: number;
  /** CPU time of the job and all it waited for. */
  readonly cpuMs: number;
}

/** @returns undefined for anything but a whole record (a torn one counts as none) */
export function parseExitRecord(text: string): ExitRecord | undefined {
  const lines = text.trimEnd().split('\n');
  const code = /^code (\d{1,3})$/.exec(lines[0] ?? '')?.[1];
  if (code === undefined || lines.at(-1) !== 'end') return undefined;
  // `times` prints the shell's own user and system time, then its children's.
  return { code: Number(code), cpuMs: Math.round(durationMs(lines[2] ?? '')) };
}

function durationMs(line: string): number {
  let total = 0;
  for (const [, minutes = '0', seconds = '0'] of line.matchAll(/(\d+)m([\d.]+)s/g)) total += Number(minutes) * 60_000 + Number(seconds) * 1_000;
  return total;
}

/** A shell reports a death by signal as 128 + n. */
export function signalOf(code: number): string | undefined {
  return code > 128 ? SIGNALS[code - 128] : undefined;
}

const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
  31: 'SIGSYS',
};
