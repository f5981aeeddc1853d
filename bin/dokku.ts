import { dokku } from '../src/cli/dokku.ts';
import { runAsProcess } from '../src/cli/shell.ts';

void runAsProcess('dokku', (shell) => dokku(process.argv.slice(2), shell));
