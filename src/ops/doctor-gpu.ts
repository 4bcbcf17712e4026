/** What `studio doctor` says of devices: those that are there, and what is wrong with them. Looks once; changes nothing. */
import { createDevices } from '../gpu/device.ts';
import type { Clock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/log.ts';
import type { Finding } from './doctor.ts';

const REMEDY = 'Check the driver (dmesg names its errors), and that the container was started with the GPU; a card that is lost wants the machine restarted.';

/** No device is no fault: everything works on CPU queues. */
export async function lookAtGpu(clock: Clock): Promise<Finding> {
  const devices = createDevices({ clock, log: createLogger({ level: 'silent' }) });
  const gpus = await devices.found();
  await devices.stop();
  const { faults, lookedFor } = devices.detection();
  const problems = [...faults, ...gpus.flatMap((gpu) => (gpu.state === 'ok' ? [] : [`GPU ${gpu.index}: ${gpu.reason ?? gpu.state}`]))];
  const names = gpus.map((gpu) => `GPU ${gpu.index} ${gpu.name}${gpu.driver === null ? '' : `, driver ${gpu.driver}`}`);
  if (problems.length > 0) return { name: 'gpu', verdict: 'warning', about: [...names, ...problems].join('; '), remedy: REMEDY };
  if (names.length > 0) return { name: 'gpu', verdict: 'ok', about: names.join('; ') };
  return { name: 'gpu', verdict: 'ok', about: `none: everything runs on CPU queues (${lookedFor.map((one) => `${one.program} ${one.about}`).join(', ')})` };
}
