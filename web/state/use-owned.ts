/** Joins state to a component's life: made when it mounts (or when its keys change), started, and closed when it goes. */
import { useEffect, useMemo } from 'preact/hooks';

export interface Owned {
  start(): void;
  close(): void;
}

export function useOwned<State extends Owned>(make: () => State, keys: readonly unknown[]): State {
  // Making has no effects; starting is one.
  const state = useMemo(make, keys);
  useEffect(() => {
    state.start();
    return () => state.close();
  }, [state]);
  return state;
}
