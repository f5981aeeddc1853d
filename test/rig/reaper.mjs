// Clean-up that survives its owner: started beside a test rig, it reads on stdin what the rig makes, and when
// stdin ends before the word `done` (the rig crashed, or was killed) it takes all of that away.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';

const made = { namespace: [], dataRoot: [], process: [], directory: [], cgroup: [] };

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'done') process.exit(0);
  const space = line.indexOf(' ');
  made[line.slice(0, space)]?.push(line.slice(space + 1));
}

const sandboxes = made.dataRoot.flatMap(sandboxesOf);
// Hosts first: with the daemons gone nothing is made anew. Twice, since a dying process may have had a child.
for (let round = 0; round < 2; round += 1) {
  for (const pid of [...made.namespace, ...sandboxes].flatMap(processesIn)) kill(pid);
}
// What an Engine's shims ran is in namespaces of its own, but in this cgroup.
for (const folder of made.cgroup.flatMap(cgroupFolders)) endCgroup(folder);
for (const written of made.process) {
  const [pid, started] = written.split(' ');
  if (startOf(pid) === started) kill(Number(pid));
}
for (const name of [...sandboxes, ...made.namespace]) attempt(() => ip('netns', 'del', name));
for (const path of [...made.dataRoot, ...made.directory]) {
  attempt(() => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
}

/** Names of the sandboxes of the node with this data root (src/dataplane/names.ts). */
function sandboxesOf(dataRoot) {
  const tag = attempt(() => readFileSync(`${dataRoot}/node-id`, 'utf8').slice(0, 4));
  if (!tag) return [];
  return attempt(() => readdirSync('/run/netns').filter((name) => name.startsWith(`fl${tag}-`))) ?? [];
}

function processesIn(namespace) {
  return attempt(() => ip('netns', 'pids', namespace).split('\n').filter(Boolean).map(Number)) ?? [];
}

/** Of each hierarchy where there are several (cgroups v1). */
function cgroupFolders(name) {
  const root = '/sys/fs/cgroup';
  const hierarchies = ['', ...readdirSync(root)].map((hierarchy) => `${root}/${hierarchy}/${name}`);
  return hierarchies.filter((folder) => attempt(() => statSync(folder).isDirectory()));
}

function endCgroup(folder) {
  for (const entry of attempt(() => readdirSync(folder, { withFileTypes: true })) ?? []) {
    if (entry.isDirectory()) endCgroup(`${folder}/${entry.name}`);
  }
  const members = () =>
    (attempt(() => readFileSync(`${folder}/cgroup.procs`, 'utf8')) ?? '').split('\n').filter(Boolean);
  for (const pid of members()) kill(Number(pid));
  // A killed process leaves its cgroup a moment later.
  for (let round = 0; round < 100; round += 1) {
    attempt(() => rmdirSync(folder));
    if (!existsSync(folder)) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}

/** In clock ticks since boot: with it a number that was given to another process is told apart (proc(5)). */
function startOf(pid) {
  return attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[19]);
}

function kill(pid) {
  attempt(() => process.kill(pid, 'SIGKILL'));
}

function ip(...args) {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

function attempt(step) {
  try {
    return step();
  } catch {
    return undefined;
  }
}
