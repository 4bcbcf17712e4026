/** What one look at the devices can find, whatever program was asked. Types alone. */

/** A device as its driver shows it now. Sizes are bytes. */
export interface SeenGpu {
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly vendor: 'nvidia' | 'amd';
  readonly driver: string | null;
  readonly busId: string;
  readonly memoryTotalBytes: number;
  readonly memoryUsedBytes: number;
  /** Its memory is the machine's own. */
  readonly sharesMemory: boolean;
  readonly utilizationPercent: number | null;
  readonly temperatureC: number | null;
  readonly powerW: number | null;
  readonly powerLimitW: number | null;
  /** Of a MIG instance: its card. */
  readonly partOf: { readonly uuid: string; readonly index: number } | null;
  readonly processes: readonly SeenProcess[];
  /** What the driver itself says against using it. */
  readonly fault: { readonly state: 'draining' | 'lost'; readonly reason: string } | null;
}

export interface SeenProcess {
  readonly pid: number;
  readonly name: string;
  /** null: the driver does not tell. */
  readonly memoryBytes: number | null;
}

/** A card that is there and can't be read. */
export interface UnreadableGpu {
  readonly busId: string;
  readonly reason: string;
}

export type Reading =
  | { readonly kind: 'devices'; readonly program: string; readonly gpus: readonly SeenGpu[]; readonly unreadable: readonly UnreadableGpu[] }
  /** The program is there and says nothing of use: a driver that does not fit, or one that hangs. */
  | { readonly kind: 'fault'; readonly program: string; readonly reason: string; readonly isHang: boolean }
  /** The program is not there. */
  | { readonly kind: 'absent'; readonly program: string; readonly about: string };

/** `00000000:41:00.0`, `0000:41:00` and `41:00.0` name the same card. @returns lower case, without leading zeros and function */
export function busKey(busId: string): string {
  const [device = '', bus = '', domain = '0'] = busId.toLowerCase().split('.')[0]?.split(':').toReversed() ?? [];
  return `${domain.replace(/^0+(?=.)/, '')}:${bus}:${device}`;
}
