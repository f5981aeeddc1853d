import { dokku } from '../src/cli/dokku.ts';
import { processShell, runAsProcess } from '../src/cli/shell.ts';

void runAsProcess(() => dokku(process.argv.slice(2), processShell('dokku')));
