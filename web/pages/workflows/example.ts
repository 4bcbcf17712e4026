/** Runs the example: on the sample, or on a file of one's own. */
import { exampleFilePath, exampleWorkflowName } from '../../../src/contract/values.ts';
import { call } from '../../api.ts';
import { go } from '../../route.ts';
import { uploadFile } from '../../upload.ts';

/** Known by its name: renamed, it is a workflow like any other. */
export function isExample(workflow: { readonly name: string }): boolean {
  return workflow.name === exampleWorkflowName;
}

/** Starts it and opens the live page of its instance. @throws ApiError */
export async function runExample(workflowId: string, file?: File): Promise<void> {
  const path = file === undefined ? exampleFilePath : `uploads/${file.name.normalize('NFC')}`;
  if (file !== undefined) await uploadFile({ path, file, signal: AbortSignal.timeout(600_000), onProgress: () => {} });
  const instance = await call('POST /api/v1/workflows/{id}/instances', { params: { id: workflowId }, body: { input: { path }, labels: { example: 'yes' } } });
  go(`/instances/${instance.id}`);
}
