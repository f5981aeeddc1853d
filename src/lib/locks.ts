import { AsyncLocalStorage } from 'node:async_hooks';
import { Gate } from './gate.ts';
import { SerialQueue } from './serial-queue.ts';

/**
 * The locks of the use cases, outermost first: who holds one takes later ones only, so that no two wait for each other.
 * A container's comes before its networks': which those are stands in its record, which only its own lock holds still,
 * and nothing that holds a network's lock waits for a container.
 */
const lockOrder = ['node', 'container', 'network', 'endpoint', 'addresses', 'ports'] as const;
export type LockName = (typeof lockOrder)[number];

interface Held {
  readonly name: LockName;
  readonly outer: Held | undefined;
  /** What was begun under a lock, and goes on after it, holds it no longer. */
  isReleased: boolean;
}

/** Only tests look at the order: in production this costs nothing. */
const watched = process.env.NODE_ENV === 'test' ? new AsyncLocalStorage<Held | undefined>() : undefined;

export class Locks {
  readonly #gate = new Gate();
  readonly #queue = new SerialQueue();

  /** Any number of operations of this node at once. */
  shared<T>(task: () => Promise<T>): Promise<T> {
    return holding('node', (held) => this.#gate.shared(() => held(task)));
  }

  /** No other operation of this node. */
  alone<T>(task: () => Promise<T>): Promise<T> {
    return holding('node', (held) => this.#gate.alone(() => held(task)));
  }

  /** One after another for each key. */
  run<T>(name: Exclude<LockName, 'node'>, key: string, task: () => Promise<T>): Promise<T> {
    return holding(name, (held) => this.#queue.run(`${name} ${key}`, () => held(task)));
  }
}

/** Runs what its caller does not wait for, such as a listener: it holds none of the caller's locks. */
export function apart<T>(task: () => T): T {
  return watched ? watched.run(undefined, task) : task();
}

type Hold = <T>(task: () => Promise<T>) => Promise<T>;

async function holding<T>(name: LockName, acquire: (held: Hold) => Promise<T>): Promise<T> {
  if (!watched) return await acquire((task) => task());
  const outer = watched.getStore();
  refuseWrongOrder(name, outer);
  return await acquire(async (task) => {
    const held: Held = { name, outer, isReleased: false };
    try {
      return await watched.run(held, task);
    } finally {
      held.isReleased = true;
    }
  });
}

function refuseWrongOrder(name: LockName, outer: Held | undefined): void {
  for (let held = outer; held; held = held.outer) {
    if (held.isReleased || lockOrder.indexOf(held.name) < lockOrder.indexOf(name)) continue;
    throw new Error(
      `the lock ${name} is taken under the lock ${held.name}; the order is ${lockOrder.join(', ')}`,
    );
  }
}
