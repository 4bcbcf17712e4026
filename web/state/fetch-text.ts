/** Reads text of the API that is no JSON: logs, files, artifacts. Bounded: a preview never takes more than it shows. */
import { ApiError, readReply } from '../api.ts';

/** @param maxBytes at most so many are read and kept  @throws ApiError */
export async function fetchText(
  url: URL,
  options: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<{ readonly text: string; readonly cut: boolean }> {
  let response: Response;
  try {
    response = await fetch(url, { signal: options.signal, credentials: 'same-origin', headers: { 'x-studio-client': 'web' } });
  } catch (error) {
    throw new ApiError({
      status: 0,
      code: options.signal.aborted ? 'aborted' : 'network',
      message: 'Studio can’t be reached from this browser.',
      cause: error,
    });
  }
  if (!response.ok || response.body === null) {
    readReply(response, await response.text());
    return { text: '', cut: false };
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const room = options.maxBytes - bytes;
    text += decoder.decode(part.value.length > room ? part.value.subarray(0, room) : part.value, { stream: true });
    bytes += part.value.length;
    if (bytes > options.maxBytes) {
      await reader.cancel();
      return { text, cut: true };
    }
  }
  return { text: text + decoder.decode(), cut: false };
}
