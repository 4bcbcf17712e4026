/** The shim: the small POSIX shell script that stands over every job, in a session and process group of its own, and outlives Studio.
 *  Constant text: everything that differs comes as lines that it reads, nothing is ever put into the script.
 *
 *  A shim is made before there is a job for it, by the nursery: a shell that does nothing else. Studio itself never forks: that takes as long as Studio is
 *  large (2 ms for an empty Node, 20 ms for one of 300 MB, and everything it touches afterwards is copied), a shell is done in half of one.
 *  Descriptors: 3 news to Studio, 4 what the nursery is told, 5 what the one waiting shim is told; they end with Studio, and so does a shim that waits. */
import { join } from 'node:path';

/** Told `next` it makes a shim; told anything it takes in children that are gone. */
export const NURSERY = `while read -r word <&4; do
  if [ "$word" = next ]; then setsid /bin/sh -c "$1" studio-job 4<&- & fi
  jobs >/dev/null
done
`;

/** Order: its own pid, job folder, folder to work in, file for stdin, number of arguments, each argument. It leaves `begun` before it starts anything and
 *  `exit` at the end. A caught signal is reset in a child, an ignored one is not: hence `trap :`. The group's SIGTERM then reaches the job, and the shim
 *  lives to record how it ended. PIPE: news to a Studio that is gone. */
export const SHIM = `trap : TERM HUP INT QUIT PIPE
exec <&5 5<&-
nl='
'
take() {
  value=
  while IFS= read -r line; do
    case $line in
      .*) value=$value\${line#.} && return ;;
      +*) value=$value\${line#+}$nl ;;
      *) exit 1 ;;
    esac
  done
  exit 0
}
echo "ready $$" >&3
take && [ "$value" = "$$" ] || exit 1
take && dir=$value
take && work=$value
take && stdin=$value
take && count=$value
while [ "$count" -gt 0 ]; do
  take && set -- "$@" "$value"
  count=$((count - 1))
done
exec </dev/null
echo "taken $$" >&3
{ echo 500 >/proc/$$/oom_score_adj; } 2>/dev/null
ulimit -c 0 2>/dev/null
umask 077
: >"$dir/begun"
umask 022
if cd "$work" 2>>"$dir/stderr"; then
  "$@" <"$stdin" >>"$dir/stdout" 2>>"$dir/stderr" 3>&-
  code=$?
else
  code=126
fi
{ echo "code $code"; times; echo end; } >"$dir/exit"
echo "gone $$" >&3
`;

/** What a shim is to do. */
export interface ShimOrder {
  readonly folder: string;
  readonly work: string;
  readonly stdin: string;
  /** An absolute program and its arguments; without NUL characters. */
  readonly argv: readonly string[];
}

/** What the shim leaves before it starts anything. */
export function begunIn(folder: string): string {
  return join(folder, 'begun');
}

/** As the shim reads it: a value is one line or several, each but the last begins with a plus, the last with a dot. */
export function orderText(pid: number, order: ShimOrder): string {
  const values = [String(pid), order.folder, order.work, order.stdin, String(order.argv.length), ...order.argv];
  return values.map(linesOf).join('');
}

function linesOf(value: string): string {
  const lines = value.split('\n');
  return lines.map((line, index) => `${index === lines.length - 1 ? '.' : '+'}${line}\n`).join('');
}

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
