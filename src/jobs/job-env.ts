/** The environment of a job: built from nothing, never inherited, so that no secret of Studio can be in it. Pure. */

/** Names that would change what runs, or where code is loaded from, are not taken from a caller. Studio's own names can't be forged. */
const DROPPED =
  /^(NODE_(OPTIONS|PATH|REPL_.*|V8_.*|EXTRA_CA_CERTS)|LD_.*|DYLD_.*|PYTHON.*|PERL5?.*|RUBY(OPT|LIB)|GIT_.*|GCONV_PATH|GLIBC_TUNABLES|BASH_.*|BASHOPTS|SHELLOPTS|ENV|IFS|PS4|PATH|STUDIO_.*)$/;

export const JOB_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface JobEnv {
  readonly env: Readonly<Record<string, string>>;
  /** Names a caller set that were not taken. */
  readonly dropped: readonly string[];
}

/** @param own what Studio adds: paths and ids. It wins over `set`. */
export function jobEnv(
  set: Readonly<Record<string, string>>,
  own: { readonly home: string; readonly user: string; readonly path?: string } & { readonly studio: Readonly<Record<string, string>> },
): JobEnv {
  const kept = Object.entries(set).filter(([name]) => !DROPPED.test(name));
  return {
    env: {
      LANG: 'C.UTF-8',
      HOME: own.home,
      TMPDIR: own.home,
      USER: own.user,
      LOGNAME: own.user,
      SHELL: '/bin/sh',
      // A log that comes in blocks of 4 KiB is no live log.
      PYTHONUNBUFFERED: '1',
      ...Object.fromEntries(kept),
      PATH: own.path ?? JOB_PATH,
      ...own.studio,
    },
    dropped: Object.keys(set).filter((name) => DROPPED.test(name)),
  };
}
