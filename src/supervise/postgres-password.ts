/** A new superuser password for a directory whose server is down: PostgreSQL's single-user mode asks for none.
 *  Never runs beside a server (PostgreSQL refuses). */
import { runToEnd } from '../kernel/child.ts';
import { ensureServiceAccount } from './account.ts';
import { locatePostgres } from './postgres-binaries.ts';
import type { PostgresOptions } from './postgres.ts';

/** @throws Error when single-user mode refuses, with its last line */
export async function setSuperuserPassword(options: Pick<PostgresOptions, 'dataDir' | 'superuser' | 'password'>): Promise<void> {
  const account = await ensureServiceAccount();
  const { postgres } = locatePostgres(account);
  // Quoted as an SQL literal: doubled quotes; standard_conforming_strings is on, so a backslash is only itself.
  const literal = `'${options.password.replaceAll("'", "''")}'`;
  const result = await runToEnd({
    command: postgres,
    args: ['--single', '-j', '-D', options.dataDir, '-c', 'log_statement=none', '-c', 'log_min_error_statement=panic', 'postgres'],
    // -j: a statement ends with a semicolon and an empty line.
    stdin: `alter role "${options.superuser}" password ${literal};\n\n`,
    account,
    cwd: '/',
    timeoutMs: 60_000,
  });
  const fault = result.lines.find((line) => /ERROR|FATAL|PANIC/.test(line));
  if (result.code !== 0 || fault !== undefined) throw new Error(`The password of ${options.superuser} could not be set (exit code ${result.code}). ${fault ?? result.lines.at(-1) ?? ''}`);
}
