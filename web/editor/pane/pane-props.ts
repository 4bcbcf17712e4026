/** What every part of the right pane is given: the open editor, its last run, and its tests. */
import type { ReadonlySignal } from '@preact/signals';
import type { Problem } from '../../../src/contract/graph.ts';
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import type { Workflow } from '../../../src/contract/workflows.ts';
import type { EditorDocument } from '../document.ts';
import type { LastRun } from '../last-run.ts';
import type { Tests } from '../tests.ts';

export interface PaneProps {
  readonly document: EditorDocument;
  readonly workflow: Workflow;
  readonly types: ReadonlyMap<string, NodeTypeView>;
  readonly secrets: readonly string[];
  readonly problems: ReadonlySignal<readonly Problem[]>;
  readonly lastRun: LastRun;
  readonly tests: Tests;
}
