/** This machine's values; each can be overridden by its environment variable. `scripts/studio config explain` shows every key. */
import { defineConfig } from './src/config/schema.ts';

export default defineConfig({});
