/** better-queue's store in memory; the package brings no types. */
declare module 'better-queue-memory' {
  import type BetterQueue from 'better-queue';
  const MemoryStore: new () => BetterQueue.Store<unknown>;
  export default MemoryStore;
}
