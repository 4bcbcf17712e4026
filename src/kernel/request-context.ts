/** Which request this turn of the program works for, so that every line it logs carries its id without being handed it.
 *  One thing to know: what a request started and left running is nobody's once the request is answered, so it stops naming it then. */
import { AsyncLocalStorage } from 'node:async_hooks';

/** Where the request stands in a trace, for what is done on its behalf. */
export interface TracePlace {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}

interface RequestContext {
  readonly requestId: string;
  readonly trace: TracePlace | undefined;
  isOver: boolean;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work` for a request; lines logged meanwhile carry its id, and that of its trace. */
export async function runForRequest<T>(request: { readonly requestId: string; readonly trace?: TracePlace | undefined }, work: () => Promise<T>): Promise<T> {
  const context: RequestContext = { requestId: request.requestId, trace: request.trace, isOver: false };
  try {
    return await storage.run(context, work);
  } finally {
    context.isOver = true;
  }
}

/** The request that is being answered; undefined outside of any. */
export function currentRequest(): Pick<RequestContext, 'requestId' | 'trace'> | undefined {
  const context = storage.getStore();
  return context === undefined || context.isOver ? undefined : context;
}
