import { fairlead } from '../src/cli/fairlead.ts';
import { runAsProcess } from '../src/cli/shell.ts';

const loadDaemon = async () => (await import('../src/daemon/command.ts')).daemon;
const loadFake = async () => (await import('../src/testing/command.ts')).fake;

void runAsProcess('fairlead', (shell) => fairlead(process.argv.slice(2), shell, { loadDaemon, loadFake }));
