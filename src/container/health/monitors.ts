import type { Clock, Timer } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { Container, Health, HealthCheck } from '../container.ts';
import type { OwnRuntime } from '../runtime.ts';
import { afterCheck, type CheckResult, type HealthReport, noReport, pauseBefore } from './health-check.ts';
import { Slots } from './slots.ts';

/** Checks of different containers that run side by side: each is a process or two. */
const atOnce = 32;

export interface MonitorDeps {
  readonly runtime: Pick<OwnRuntime, 'get' | 'check'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of every change. Not told of the end of a container. */
  readonly onHealth: (id: string, health: Health) => Promise<void>;
}

/** A container's checks from one start to its end. */
interface Monitor {
  readonly check: HealthCheck;
  /** Unix time in milliseconds. */
  readonly started: number;
  health: Health;
  timer?: Timer;
  readonly end: AbortController;
}

/** Runs the health checks of running containers, one after another for each. */
export class HealthMonitors {
  readonly #deps: MonitorDeps;
  readonly #monitors = new Map<string, Monitor>();
  /** Kept after the container's end, until its next start. */
  readonly #reports = new Map<string, HealthReport>();
  readonly #slots = new Slots(atOnce);

  constructor(deps: MonitorDeps) {
    this.#deps = deps;
  }

  /** Before: it runs. With the health of its record, as after a restart of the daemon, or at its start. Repeatable. */
  begin({ id, spec, state, health = 'starting' }: Container): void {
    const check = spec.healthcheck;
    if (!check) return;
    this.end(id);
    if (health === 'starting') this.#reports.delete(id);
    const monitor = { check, started: Date.parse(state.startedAt), health, end: new AbortController() };
    this.#monitors.set(id, monitor);
    this.#later(id, monitor);
  }

  /** A check that runs is ended, and says nothing any more. */
  end(id: string): void {
    const monitor = this.#monitors.get(id);
    this.#monitors.delete(id);
    monitor?.timer?.cancel();
    monitor?.end.abort();
  }

  /** Of a container that is gone. */
  forget(id: string): void {
    this.end(id);
    this.#reports.delete(id);
  }

  report(id: string): HealthReport {
    return this.#reports.get(id) ?? noReport;
  }

  close(): void {
    for (const id of [...this.#monitors.keys()]) this.end(id);
  }

  #later(id: string, monitor: Monitor): void {
    const { clock } = this.#deps;
    const pause = pauseBefore(monitor.check, monitor.health, clock.now() - monitor.started);
    monitor.timer = clock.after(pause, () => this.#run(id, monitor));
  }

  async #run(id: string, monitor: Monitor): Promise<void> {
    const { clock } = this.#deps;
    const isCurrent = () => this.#monitors.get(id) === monitor;
    const start = clock.now();
    const result = await this.#slots.use(() => this.#check(id, monitor));
    if (!isCurrent()) return;
    const before = { health: monitor.health, report: this.report(id) };
    const logged = { ...result, start, end: clock.now() };
    const { health, report } = afterCheck(monitor.check, before, logged, start - monitor.started);
    this.#reports.set(id, report);
    if (health !== before.health) await this.#tell(id, monitor, health);
    if (isCurrent()) this.#later(id, monitor);
  }

  async #check(id: string, { check, end }: Monitor): Promise<CheckResult> {
    try {
      if (end.signal.aborted) return { exitCode: -1, output: '' };
      return await this.#deps.runtime.check(id, check, end.signal);
    } catch (error) {
      return { exitCode: -1, output: messageOf(error) };
    }
  }

  /** What cannot be written down is tried again with the next result. */
  async #tell(id: string, monitor: Monitor, health: Health): Promise<void> {
    try {
      await this.#deps.onHealth(id, health);
      monitor.health = health;
    } catch (error) {
      const name = this.#deps.runtime.get(id)?.name ?? id;
      const line = `container ${name} is ${health}, which cannot be recorded: ${messageOf(error)}`;
      this.#deps.log.error({ err: error }, line);
    }
  }
}
