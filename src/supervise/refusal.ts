/** A reason not to start that trying again soon will not cure: a person must decide. Names the thing, what is wrong and the next step. */
export type RefusalKind =
  | 'data_directory'
  | 'database_version'
  | 'foreign_server'
  | 'workspace_locked'
  | 'workspace_unusable'
  | 'port_taken'
  | 'config'
  | 'missing_program'
  | 'gate';

export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly kind: RefusalKind;
  /** Further lines for the boot page and the terminal. */
  readonly facts: readonly string[];

  constructor(kind: RefusalKind, message: string, options: { readonly facts?: readonly string[]; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.facts = options.facts ?? [];
  }
}
