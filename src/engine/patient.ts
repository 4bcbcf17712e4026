/** Asks the database on behalf of a step until it answers: its absence is a pause, never a step's failure. */
import type { FilePort, HttpPort, ModelPort } from '../nodes/kit-ports.ts';
import { isConnectionLoss } from '../store/client.ts';
import type { Core } from './core.ts';

const PAUSE_MS = 250;

type Asking = Pick<Core, 'clock' | 'state'>;

/** @throws what `ask` throws, lost connections excepted; those too once the engine has stopped; the signal's reason when it aborts in a pause */
export async function patiently<T>(core: Asking, ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isConnectionLoss(error) || core.state === 'stopped') throw error;
      await core.clock.sleep(PAUSE_MS, signal);
    }
  }
}

/** Reading and writing a file may be repeated: the same bytes are written again under the same path. */
export function patientFiles(core: Asking, files: FilePort): FilePort {
  return {
    read: (path, options) => patiently(core, () => files.read(path, options), options.signal),
    write: (path, content, options) => patiently(core, () => files.write(path, content, options), options.signal),
  };
}

/** A model is found and its use limited by what the database says; where it broke off, the whole call is made again. */
export function patientModels(core: Asking, models: ModelPort): ModelPort {
  return {
    chat: (chat, told) => patiently(core, () => models.chat(chat, told), told.signal),
    embed: (request, told) => patiently(core, () => models.embed(request, told), told.signal),
  };
}

/** What the org may reach is read from the database before anything is sent; faults of the exchange itself are errors of egress, not lost connections. */
export function patientHttp(core: Asking, http: HttpPort): HttpPort {
  return { request: (request) => patiently(core, () => http.request(request), request.signal) };
}
