/** A step whose result is too large for its row: in flight until the result is kept, then ended with its reference. */
import type { Json } from '../contract/endpoint.ts';
import type { Core } from './core.ts';
import { walled } from './fault.ts';
import { occupy, releaseHeld, vacate } from './finish.ts';
import type { Frame, LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { storeLarge } from './large.ts';

/** Keeps `text` and goes on with its reference. The step is in flight meanwhile. */
export function keepLarge(
  core: Core,
  frame: Frame,
  node: CompiledNode,
  step: LiveStep,
  text: string,
  then: { readonly kept: (reference: Json) => void; readonly failed: (error: unknown) => void },
): void {
  const { live } = frame;
  const run = occupy(core, frame, node, step);
  const settle = (next: () => void): void => {
    if (vacate(core, frame, node, run)) walled(core, live, next);
    releaseHeld(core, live);
  };
  storeLarge(core, frame, node, text).then(
    (reference) => settle(() => then.kept(reference)),
    (error: unknown) => settle(() => then.failed(error)),
  );
}
