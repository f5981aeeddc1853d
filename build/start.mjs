// `npm start`: sets up and builds what is not there, then plays the tour in this very process.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

const { status } = spawnSync(process.execPath, [file('../build.mjs'), '--setup'], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
endWithNpm();
const program = file('../dist/bin/fairlead');
process.argv = [process.execPath, program, 'tour', ...process.argv.slice(2)];
createRequire(import.meta.url)(program);

/** npm passes signals on to its shell only, which dies of them and leaves us behind. */
function endWithNpm() {
  const parent = process.ppid;
  const look = () => process.ppid !== parent && process.kill(process.pid, 'SIGTERM');
  setInterval(look, 500).unref();
}
