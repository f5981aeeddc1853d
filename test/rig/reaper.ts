import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../test/rig/reaper.mjs', import.meta.url));

/**
 * Takes away what this process has made, should this process end without having done so itself, however it
 * ends. A process of its own, in a session of its own, so that Ctrl-C does not reach it.
 */
export class Reaper {
  readonly #process: ChildProcess;

  constructor() {
    this.#process = spawn(process.execPath, [program], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#process.unref();
    this.#process.stdin?.on('error', () => {});
  }

  namespace(name: string): void {
    this.#tell(`namespace ${name}`);
  }

  /** Of a daemon: its sandboxes go, too. */
  dataRoot(path: string): void {
    this.#tell(`dataRoot ${path}`);
  }

  directory(path: string): void {
    this.#tell(`directory ${path}`);
  }

  /** Of an Engine's containers: they go, too. */
  cgroup(name: string): void {
    this.#tell(`cgroup ${name}`);
  }

  /** One that is in no namespace of ours. */
  process(pid: number): void {
    const started = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
    this.#tell(`process ${pid} ${started}`);
  }

  /** Takes all of it away now. */
  async reap(): Promise<void> {
    // It is waited for, though nothing else may be left to wait for.
    this.#process.ref();
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.stdin?.end();
    await ended;
  }

  /** All of it has been taken away. */
  done(): void {
    this.#process.stdin?.end('done\n');
  }

  #tell(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }
}
