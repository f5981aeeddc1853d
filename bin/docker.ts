import { docker } from '../src/cli/docker.ts';
import { runAsProcess } from '../src/cli/shell.ts';

const loadDaemon = async () => (await import('../src/daemon/command.ts')).daemon;

void runAsProcess('docker', (shell) => docker(process.argv.slice(2), shell, { loadDaemon }));
