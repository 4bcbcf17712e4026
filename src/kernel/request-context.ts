/** Which request this turn of the program works for, so that every line it logs carries its id without being handed it.
 *  One thing to know: what a request started and left running is nobody's once the request is answered, so it stops naming it then. */
import { AsyncLocalStorage } from 'node:async_hooks';

interface RequestContext {
  readonly requestId: string;
  isOver: boolean;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work` for a request; lines logged meanwhile carry its id. */
export async function runForRequest<T>(requestId: string, work: () => Promise<T>): Promise<T> {
  const context: RequestContext = { requestId, isOver: false };
  try {
    return await storage.run(context, work);
  } finally {
    context.isOver = true;
  }
}

/** The request that is being answered; undefined outside of any. */
export function currentRequestId(): string | undefined {
  const context = storage.getStore();
  return context === undefined || context.isOver ? undefined : context.requestId;
}
