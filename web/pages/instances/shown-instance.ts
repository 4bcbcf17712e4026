/** What every view of an instance is given: the instance, what is unfolded of its maps, and which step is chosen. */
import type { ItemCounts } from '../../../src/contract/instances.ts';
import type { BodySteps } from '../../state/body-steps.ts';
import type { InstancePage } from '../../state/instance.ts';

export interface ShownInstance {
  readonly page: InstancePage;
  readonly bodies: BodySteps;
  /** Keys of nodes that hold a graph. */
  readonly containers: ReadonlySet<string>;
  /** By path of a map or loop. */
  readonly counts: ReadonlyMap<string, ItemCounts>;
  readonly selected: string | undefined;
  readonly onSelect: (path: string | undefined) => void;
}
