/** A new superuser password for a directory whose server is down: PostgreSQL's single-user mode asks for none.
 *  Never runs beside a server (PostgreSQL refuses). */
import { runToEnd } from '../kernel/child.ts';
import { ensureServiceAccount } from './account.ts';
import { locatePostgres } from './postgres-binaries.ts';

/** @param statement what sets it (store/health)  @throws Error when single-user mode refuses, with its last line */
export async function setSuperuserPassword(dataDir: string, statement: string): Promise<void> {
  const account = await ensureServiceAccount();
  const { postgres } = locatePostgres(account);
  const result = await runToEnd({
    command: postgres,
    args: ['--single', '-j', '-D', dataDir, '-c', 'log_statement=none', '-c', 'log_min_error_statement=panic', 'postgres'],
    // -j: a statement ends with a semicolon and an empty line.
    stdin: `${statement}\n\n`,
    account,
    cwd: '/',
    timeoutMs: 60_000,
  });
  const fault = result.lines.find((line) => /ERROR|FATAL|PANIC/.test(line));
  if (result.code !== 0 || fault !== undefined)
    throw new Error(`The password could not be set in ${dataDir} (exit code ${result.code}). ${fault ?? result.lines.at(-1) ?? ''}`);
}
