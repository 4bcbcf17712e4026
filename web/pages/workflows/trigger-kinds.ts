/** The kinds of triggers as people see them: a word and a picture each. */
import { CalendarClock, ClipboardList, FolderInput, Radio, Webhook } from 'lucide-preact';
import type { TriggerRowView } from '../../../src/contract/triggers.ts';

export const triggerKinds: Readonly<Record<TriggerRowView['type'], { readonly title: string; readonly icon: typeof Webhook }>> = {
  cron: { title: 'Schedule', icon: CalendarClock },
  webhook: { title: 'Webhook', icon: Webhook },
  form: { title: 'Form', icon: ClipboardList },
  event: { title: 'Event', icon: Radio },
  file: { title: 'File', icon: FolderInput },
};
