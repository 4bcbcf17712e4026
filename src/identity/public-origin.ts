/** Where people probably reach this Studio, until an administrator confirms it (setting publicOrigin): for the claim link. */

/** @param machine `podId`: RUNPOD_POD_ID, whose proxy serves each port under a name of its own */
export function proposedOrigin(machine: { readonly podId: string | undefined; readonly port: number; readonly isTls: boolean }): string {
  // An id that is no host label is not one: never build a name out of it.
  if (machine.podId !== undefined && /^[a-z0-9]{4,40}$/.test(machine.podId)) return `https://${machine.podId}-${machine.port}.proxy.runpod.net`;
  return `${machine.isTls ? 'https' : 'http'}://localhost:${machine.port}`;
}
