/** The field that picks somebody's role, and says what each may do. */
import { Field, Select } from '../../ui/field.tsx';
import { roleOptions } from './roles.ts';
import type { Signal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Role } from '../../../src/contract/values.ts';

/** `own` is the role of who gives it: nobody gives more. */
export function RoleField({ role, own }: { readonly role: Signal<Role>; readonly own: Role }): JSX.Element {
  return (
    <Field label="Role" hint="Users run and build; administrators also manage people and secrets; machine admins also run commands and look after the machine.">
      {(links) => <Select {...links} value={role.value} options={roleOptions(own, role.value)} onChange={(value) => (role.value = value)} />}
    </Field>
  );
}
