/** Column types of PostgreSQL that drizzle does not bring. */
import { customType } from 'drizzle-orm/pg-core';

export const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });

/** A transaction's number: 64 bits, as text. */
export const xid8 = customType<{ data: string; driverData: string }>({ dataType: () => 'xid8' });
