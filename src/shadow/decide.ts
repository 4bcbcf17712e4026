/** Which copy of the database is the newest, and what a start has to do to work on it. Pure: prepare.ts does it.
 *  There may be three: a directory on the machine's own disk, one on the volume, and the shadow. The writer's id in the shadow's state is a fencing
 *  token: once the shadow is complete, only the directory that bears it (or that took over from it) is the newest; any other is an older copy,
 *  whatever its files look like. Nothing is ever removed: what is not used is set aside. */
import { Refusal } from '../supervise/refusal.ts';
import type { Marker, ShadowState } from './state.ts';

/** A database directory as it lies there, its server down. */
export interface Copy {
  readonly path: string;
  readonly systemId: string | undefined;
  readonly marker: Marker | undefined;
  /** Whether its last server was this workspace's. */
  readonly isOurs: boolean;
}

export interface Situation {
  readonly plan: 'shadow' | 'direct';
  /** On the machine's own disk; undefined: nothing there. */
  readonly local: Copy | undefined;
  /** On the volume. */
  readonly volume: Copy | undefined;
  readonly state: ShadowState | undefined;
  readonly shadow: string;
}

export type Step =
  /** Nothing stands anywhere: initdb. */
  | { readonly do: 'create' }
  /** The directory stands where the plan wants it. */
  | { readonly do: 'use' }
  | { readonly do: 'copy'; readonly from: string }
  | { readonly do: 'restore' };

export interface Decision {
  readonly step: Step;
  /** Directories to set aside before: older copies. */
  readonly aside: readonly string[];
  /** To set aside once the plan's own copy is safe: what the move leaves. */
  readonly leaves: readonly string[];
  /** One sentence for the boot page and the log. */
  readonly why: string;
}

/** @throws Refusal when what stands there is of different databases */
export function decide(situation: Situation): Decision {
  return situation.plan === 'shadow' ? decideShadow(situation) : decideDirect(situation);
}

function decideShadow({ local, volume, state, shadow }: Situation): Decision {
  const leaves = volume === undefined ? [] : [volume.path];
  if (state?.isComplete === true) {
    requireKin(local, state, shadow);
    requireKin(volume, state, shadow);
    if (local !== undefined && isNewest(local, state)) return { step: { do: 'use' }, aside: [], leaves, why: 'the local directory is the newest copy' };
    const aside = local === undefined ? [] : [local.path];
    const stale = local === undefined ? 'this disk has no database yet' : 'the local directory is older than the shadow: another machine has written since';
    if (volume !== undefined && isNewest(volume, state))
      return {
        step: { do: 'copy', from: volume.path },
        aside,
        leaves,
        why: `the database moves from ${volume.path} to this disk, with its shadow on the volume`,
      };
    return { step: { do: 'restore' }, aside, leaves, why: stale };
  }
  // Until a base backup is proven the shadow is nothing, and nobody was told that anything is safe in it.
  if (local !== undefined && (local.isOurs || local.marker !== undefined) && isTheSame(local, volume))
    return { step: { do: 'use' }, aside: [], leaves, why: 'the local directory has no shadow yet' };
  const aside = local === undefined ? [] : [local.path];
  if (volume !== undefined)
    return {
      step: { do: 'copy', from: volume.path },
      aside,
      leaves,
      why: `the database moves from ${volume.path} to this disk, with its shadow on the volume`,
    };
  return { step: { do: 'create' }, aside, leaves: [], why: 'there is no database yet' };
}

function decideDirect({ local, volume, state, shadow }: Situation): Decision {
  if (state?.isComplete === true) {
    requireKin(volume, state, shadow);
    if (volume !== undefined && isNewest(volume, state)) return { step: { do: 'use' }, aside: [], leaves: [shadow], why: 'the move from the shadow is done' };
    const aside = volume === undefined ? [] : [volume.path];
    if (local?.systemId === state.systemId && isNewest(local, state))
      return { step: { do: 'copy', from: local.path }, aside, leaves: [local.path, shadow], why: `the database moves from ${local.path} to the volume` };
    return { step: { do: 'restore' }, aside, leaves: [shadow], why: 'the database moves from its shadow to the volume' };
  }
  const leaves = state === undefined ? [] : [shadow];
  if (volume !== undefined) return { step: { do: 'use' }, aside: [], leaves, why: 'the directory on the volume is the only copy' };
  if (local?.isOurs === true)
    return { step: { do: 'copy', from: local.path }, aside: [], leaves: [local.path, ...leaves], why: `the database moves from ${local.path} to the volume` };
  return { step: { do: 'create' }, aside: [], leaves, why: 'there is no database yet' };
}

function isNewest({ marker }: Copy, state: ShadowState): boolean {
  return marker !== undefined && (marker.id === state.writer.id || marker.follows === state.writer.id);
}

/** One is a copy of the other, or there is only one. A copy that a move made bears a mark. */
function isTheSame(local: Copy, volume: Copy | undefined): boolean {
  return volume === undefined || (local.systemId === volume.systemId && local.marker !== undefined);
}

function requireKin(copy: Copy | undefined, state: ShadowState, shadow: string): void {
  if (copy === undefined || copy.systemId === state.systemId) return;
  throw new Refusal(
    'data_directory',
    `${copy.path} holds another database (system id ${copy.systemId ?? 'unreadable'}) than the shadow in ${shadow} (system id ${state.systemId}). Move away the one that is not wanted; nothing was changed.`,
  );
}
