/** Roles in words, and which of them one may give. */
import { roles } from '../../../src/contract/values.ts';
import type { Role } from '../../../src/contract/values.ts';

const words: Readonly<Record<Role, string>> = { user: 'User', admin: 'Administrator', super_admin: 'Machine admin' };

/** The choices for someone's role: nobody gives more than their own; the present one is always there. */
export function roleOptions(own: Role, present: Role): readonly { readonly value: Role; readonly label: string; readonly disabled: boolean }[] {
  return roles.map((role) => ({ value: role, label: words[role], disabled: role !== present && roles.indexOf(role) > roles.indexOf(own) }));
}
