import { docker } from '../src/cli/docker.ts';
import { processShell, runAsProcess } from '../src/cli/shell.ts';

const loadDaemon = async () => (await import('../src/daemon/command.ts')).daemon;

void runAsProcess(() => docker(process.argv.slice(2), processShell('docker'), { loadDaemon }));
