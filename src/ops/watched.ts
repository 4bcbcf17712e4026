/** What other rooms offer to be watched: figures for /metrics, alerts and health that ops can't read by itself. A room offers a function once, when it is wired;
 *  it is asked again and again, so it answers from memory. Never waits, never throws for one that is not there. */

/** Of the newest backup, as the room of backups knows it. Times are ms since 1970. */
export interface BackupFigures {
  /** Somebody asked for backups (a schedule, or one was made): their age is worth an alarm. */
  readonly isWanted: boolean;
  readonly lastSuccessMs: number | null;
  readonly lastFailureMs: number | null;
  /** Why the last try failed; null when the last one succeeded. */
  readonly fault: string | null;
  /** When a restore of one was last tried, and whether it was true to what was saved. */
  readonly lastVerifiedMs: number | null;
  readonly isVerifiedOk: boolean | null;
  readonly bytes: number | null;
  /** How many whole ones there are of each kind. */
  readonly kinds: Readonly<Record<'logical' | 'physical', number>>;
}

/** Of the copy on the volume that the database is replayed from. */
export interface ShadowFigures {
  readonly isSynchronous: boolean;
  /** What would be lost now, as time and as bytes of the log. */
  readonly lagMs: number;
  readonly lagBytes: number;
  readonly lastBaseMs: number | null;
  readonly fault: string | null;
}

export interface Watched {
  offerBackup(figures: () => BackupFigures): void;
  offerShadow(figures: () => ShadowFigures): void;
  /** Undefined: nobody offered any. */
  backup(): BackupFigures | undefined;
  shadow(): ShadowFigures | undefined;
}

export function createWatched(): Watched {
  let readBackup: (() => BackupFigures) | undefined;
  let readShadow: (() => ShadowFigures) | undefined;
  return {
    offerBackup(figures) {
      readBackup = figures;
    },
    offerShadow(figures) {
      readShadow = figures;
    },
    backup: () => readBackup?.(),
    shadow: () => readShadow?.(),
  };
}
