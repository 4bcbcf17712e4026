/** A process to run, wherever one is: a job, a node's job, a test run. */
import * as z from 'zod';

/** What is put into the working folder: a path in the org's files, the bytes at a URL (their sha256 is checked), or the content itself. */
export const jobFile = z.union([
  z.string().max(512),
  z.strictObject({ path: z.string().max(512) }),
  z.strictObject({ url: z.string().max(4_096), sha256: z.string().regex(/^[0-9a-f]{64}$/, 'sha256 is 64 hexadecimal digits in lower case') }),
  z.strictObject({ text: z.string().max(5_242_880) }),
  z.strictObject({ base64: z.base64().max(5_242_880) }),
]);

/** A process to run. Exactly one of `command` (argv) and `script`. Env values may hold `{{ secrets.X }}`. */
export const commandSpec = z.strictObject({
  command: z.array(z.string().max(131_072)).min(1).max(1_000).optional(),
  script: z.string().max(1_048_576).optional(),
  shell: z.string().max(256).optional(),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), z.string().max(131_072)).optional(),
  cwd: z.string().max(4_096).optional(),
  /** Name in the working folder → where it comes from. */
  files: z.record(z.string().min(1).max(255), jobFile).optional(),
  stdin: z.string().max(10_485_760).optional(),
  parse: z.enum(['json', 'lines', 'none']).optional(),
  /** Text of a requirements or lock file for pip: the job runs in a virtual environment that holds it, made once and kept. */
  requirements: z.string().max(262_144).optional(),
  /** The interpreter the environment is made with: a name on the PATH of jobs or a full path. Default: python3. */
  python: z.string().max(256).optional(),
});
export type CommandSpec = z.infer<typeof commandSpec>;
