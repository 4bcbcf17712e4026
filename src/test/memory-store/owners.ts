/** Owners in memory, and what the dead ones leave. */
import type { OwnerEntry, Rows } from './rows.ts';
import { isLive, type Part } from './answers.ts';

export function ownerAnswers(
  rows: Rows,
  now: () => number,
): Part<'insertOwner' | 'beatOwner' | 'listOwners' | 'deleteOwners' | 'isOwner' | 'listOrphanEpochs'> {
  const find = (owner: { readonly id: string; readonly epoch: number }): OwnerEntry | undefined => {
    const entry = rows.owners.get(owner.epoch);
    return entry?.id === owner.id ? entry : undefined;
  };
  return {
    insertOwner(owner) {
      rows.lastEpoch += 1;
      rows.owners.set(rows.lastEpoch, { ...owner, epoch: rows.lastEpoch, beatAt: now() });
      return { id: owner.id, epoch: rows.lastEpoch };
    },
    beatOwner(owner) {
      const entry = find(owner);
      if (entry !== undefined) rows.owners.set(entry.epoch, { ...entry, beatAt: now() });
      return entry !== undefined;
    },
    listOwners: () => [...rows.owners.values()].map(({ beatAt, ...owner }) => ({ ...owner, silentMs: now() - beatAt })),
    deleteOwners(epochs, minSilentMs) {
      const dead = epochs.filter((epoch) => (rows.owners.get(epoch)?.beatAt ?? Infinity) <= now() - minSilentMs);
      for (const epoch of dead) rows.owners.delete(epoch);
      return dead;
    },
    isOwner: (owner) => find(owner) !== undefined,
    listOrphanEpochs() {
      const live = [...rows.instances.values()].filter(isLive).flatMap(({ ownerEpoch }) => (ownerEpoch === null ? [] : [ownerEpoch]));
      return [...new Set(live)].filter((epoch) => !rows.owners.has(epoch)).toSorted((a, b) => a - b);
    },
  };
}
