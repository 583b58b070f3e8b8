// A script of the app that has the name of the generated command, and uses its functions.

import { pendingMigrations } from '../db/migrations.js';

void pendingMigrations().then((pending) => console.log(`found: ${pending.join(', ')}`));
