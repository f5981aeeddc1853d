import { fairlead } from '../src/cli/fairlead.ts';
import { processShell, runAsProcess } from '../src/cli/shell.ts';

const loadDaemon = async () => (await import('../src/daemon/command.ts')).daemon;

void runAsProcess(() => fairlead(process.argv.slice(2), processShell('fairlead'), { loadDaemon }));
