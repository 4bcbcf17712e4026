/** This pod at RunPod: what it costs, what it keeps, and how it stops itself. Never terminates anything: it knows no such call.
 *  @see docs.runpod.io, REST API v1: GET /pods/{podId}, POST /pods/{podId}/stop */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import * as z from 'zod';
import { messageOf } from '../kernel/fail.ts';

export interface Pod {
  /** Null when it does not say. */
  readonly perHour: number | null;
  /** A volume of its own or of the network is mounted: what lies on it outlives a stop. */
  readonly volume: { readonly mountPath: string } | null;
}

export interface Runpod {
  readonly podId: string;
  /** @throws Error saying what the API answered */
  read(): Promise<Pod>;
  /** Asks to stop; the pod's processes are ended soon after. @throws Error saying what the API answered */
  stop(): Promise<void>;
}

const TIMEOUT_MS = 20_000;
const MAX_BYTES = 1_048_576;

/** Prices come as text or as numbers. */
const money = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number),
  ])
  .nullish();
const podReply = z.object({
  costPerHr: money,
  adjustedCostPerHr: money,
  volumeInGb: z.number().nullish(),
  volumeMountPath: z.string().nullish(),
  networkVolume: z.object({}).loose().nullish(),
  networkVolumeId: z.string().nullish(),
});

/** @returns undefined outside of a pod, or when no key was given to it */
export function createRunpod(config: {
  readonly runpodApiUrl: string;
  readonly runpodApiKey?: string | undefined;
  readonly runpodPodId?: string | undefined;
}): Runpod | undefined {
  const { runpodApiKey: key, runpodPodId: podId, runpodApiUrl } = config;
  if (key === undefined || podId === undefined || !/^[A-Za-z0-9_-]{1,64}$/.test(podId)) return undefined;
  const base = `${runpodApiUrl.replace(/\/$/, '')}/pods/${podId}`;
  return {
    podId,
    async read() {
      const reply = podReply.safeParse(await call('GET', `${base}?includeNetworkVolume=true`, key));
      if (!reply.success)
        throw new Error(
          `RunPod described the pod ${podId} in a way Studio does not know: ${reply.error.issues[0]?.path.join('.') ?? ''} ${reply.error.issues[0]?.message ?? ''}`,
        );
      const { adjustedCostPerHr, costPerHr, volumeInGb, volumeMountPath, networkVolume, networkVolumeId } = reply.data;
      const hasVolume = (volumeInGb ?? 0) > 0 || (networkVolume ?? undefined) !== undefined || (networkVolumeId ?? '') !== '';
      // What is paid is the adjusted price where a savings plan holds.
      return { perHour: adjustedCostPerHr ?? costPerHr ?? null, volume: hasVolume ? { mountPath: volumeMountPath ?? '/workspace' } : null };
    },
    stop: async () => void (await call('POST', `${base}/stop`, key)),
  };
}

/** Studio's own few calls; the key goes in a header and nowhere else. */
function call(method: 'GET' | 'POST', url: string, key: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const what = `${method} ${new URL(url).pathname}`;
    const request = send(
      url,
      { method, headers: { authorization: `Bearer ${key}`, accept: 'application/json', 'content-length': '0' }, signal: AbortSignal.timeout(TIMEOUT_MS) },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size <= MAX_BYTES) chunks.push(chunk);
          else request.destroy(new Error(`the answer is larger than ${MAX_BYTES} bytes`));
        });
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString();
          const status = response.statusCode ?? 0;
          if (status < 200 || status > 299) return reject(new Error(`RunPod answered ${what} with ${status}: ${text.slice(0, 300)}`));
          try {
            resolve(text.trim() === '' ? {} : JSON.parse(text));
          } catch (cause) {
            reject(new Error(`RunPod answered ${what} with something that is not JSON: ${text.slice(0, 100)}`, { cause }));
          }
        });
      },
    );
    request.once('error', (cause) => reject(new Error(`RunPod could not be asked (${what}): ${messageOf(cause)}`, { cause })));
    request.end();
  });
}
