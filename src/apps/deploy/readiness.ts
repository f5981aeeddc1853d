import type { Container } from '../../container/runtime.ts';
import { FairleadError } from '../../lib/errors.ts';

export interface ReadinessDeps {
  /** As it is now; undefined once it is removed. */
  readonly look: (id: string) => Container | undefined;
  readonly listeningPorts: (pid: number) => Promise<ReadonlySet<number>>;
  /** Its last line of output, to say why it ended. */
  readonly lastWords: (id: string) => Promise<string>;
  /** How long a program may take to listen on its ports; then it is taken as it is, as Dokku does without checks. */
  readonly patienceMs: number;
}

const lookEveryMs = 50;
/** An Engine's health check has three tries at 30 seconds' distance by default before it fails. */
const healthMs = 120_000;
/** How long a program without ports must have lived. */
const aliveMs = 500;

/**
 * Resolves when the container can serve: its program listens on all its ports, and its health check, if it has one,
 * has succeeded; until then DNS would withhold it. Only then does it get its alias, so that nobody is sent to a program
 * that is still starting.
 * @throws conflict when the program ended instead, or does not become healthy
 */
export async function becomeReady(deps: ReadinessDeps, id: string): Promise<void> {
  const started = performance.now();
  for (;;) {
    const container = deps.look(id);
    if (container?.state.status !== 'running' || container.supervision?.restarts)
      throw await ended(deps, id, container);
    if (container.healthy === false && performance.now() - started > healthMs) throw unhealthy(container);
    if (await isReady(deps, container, performance.now() - started)) return;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

/** A container without a process, as in simulated mode, has nothing to wait for. */
async function isReady(deps: ReadinessDeps, container: Container, livedMs: number): Promise<boolean> {
  const { healthy, state, spec } = container;
  if (healthy === false) return false;
  if (state.pid === 0 || spec.command.length === 0 || livedMs > deps.patienceMs) return true;
  const ports = spec.exposedPorts.filter(({ protocol }) => protocol === 'tcp');
  if (ports.length === 0) return livedMs >= aliveMs;
  const open = await deps.listeningPorts(state.pid);
  return ports.every(({ port }) => open.has(port));
}

async function ended(deps: ReadinessDeps, id: string, container: Container | undefined) {
  const words = container ? await deps.lastWords(id) : '';
  const name = container ? finalName(container) : id;
  // It may be running again by now.
  const again = container?.state.status === 'running' ? container.supervision?.exitCode : undefined;
  const code = again ?? container?.state.exitCode ?? 0;
  return new FairleadError(
    'conflict',
    `App container ${name} failed to start: it ended with exit code ${code}` +
      (words === '' ? '' : `: ${words}`),
  );
}

function unhealthy(container: Container): FairleadError {
  return new FairleadError(
    'conflict',
    `App container ${finalName(container)} failed to start: its health check has not succeeded`,
  );
}

function finalName({ name }: Container): string {
  return name.replace(/\.upcoming-.*$/, '');
}
