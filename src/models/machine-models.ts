/** Puts the life cycle together with the engines of this machine and what its ledger could give. Decides nothing. */
import type { Devices } from '../gpu/device.ts';
import type { GpuLedger } from '../gpu/ledger-port.ts';
import { roomOf } from '../gpu/policy-state.ts';
import { createModelLife, type LifecycleParts, type ModelLife } from './lifecycle.ts';
import { createLlamaDriver } from './llama-driver.ts';
import type { LlamaUsers } from './llama-user.ts';
import type { ModelFolder } from './model-folder.ts';
import { createServiceDriver, type ServiceDriverParts } from './service-engine.ts';

export interface MachineModelsParts extends Omit<LifecycleParts, 'drivers' | 'rooms' | 'ledger'> {
  readonly ledger: GpuLedger;
  readonly devices: Pick<Devices, 'found'>;
  readonly workspacePath: string;
  readonly folder: Pick<ModelFolder, 'root'>;
  readonly readSecret: ServiceDriverParts['readSecret'];
  /** Where Studio is root. */
  readonly users: LlamaUsers | undefined;
}

export function createMachineModels(parts: MachineModelsParts): ModelLife {
  const { clock, devices, ledger, workspacePath, readSecret } = parts;
  const places = { clock, workspacePath, modelsPath: parts.folder.root };
  return createModelLife({
    ...parts,
    drivers: { llama: createLlamaDriver({ ...places, users: parts.users }), service: createServiceDriver({ ...places, readSecret }) },
    async rooms() {
      // The first request may come before anybody looked.
      await devices.found();
      const bytes = ledger.devices().map(roomOf);
      return { deviceBytes: bytes.filter((room) => room > 0).toSorted((a, b) => b - a) };
    },
  });
}
