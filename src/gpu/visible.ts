/** Which devices a process sees. By uuid: CUDA's own numbers are by speed, not by place, and places shift when a card is lost.
 *  No boundary: a process can change its environment. */

/** The variables for a process that was granted `uuids`; none of them: it sees no device. */
export function visibleDevices(uuids: readonly string[]): Readonly<Record<string, string>> {
  const list = uuids.join(',');
  // AMD's uuids are 16 hexadecimal digits. CUDA_VISIBLE_DEVICES must not be set beside: HIP reads it too, as numbers.
  if (uuids.length > 0 && uuids.every((uuid) => /^GPU-[0-9a-f]{16}$/.test(uuid))) return { ROCR_VISIBLE_DEVICES: list };
  // An empty value hides all; ROCR takes any value that names none.
  if (uuids.length === 0) return { CUDA_VISIBLE_DEVICES: '', ROCR_VISIBLE_DEVICES: '-1' };
  return { CUDA_VISIBLE_DEVICES: list, CUDA_DEVICE_ORDER: 'PCI_BUS_ID' };
}
