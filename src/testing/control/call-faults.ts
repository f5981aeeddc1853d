import type { IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { HookAnswer } from '../../api/deps.ts';
import { splitVersion } from '../../api/http/version.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { Duration, Fault, Faults, Script } from '../contract.ts';
import { milliseconds } from '../duration.ts';

/** The control API's prefix: its calls work whatever else is broken. */
export const controlPrefix = '/fairlead/fake';

interface Failing {
  left: number;
  readonly matches: (call: string) => boolean;
  readonly fault: Fault;
}

/** Makes calls of the API slow or fail, on all nodes. */
export class CallFaults implements Faults {
  readonly #failing = new Set<Failing>();
  readonly #slow = new Set<{ readonly matches: (call: string) => boolean; readonly ms: number }>();

  next(count: number, fault: Fault): Script {
    if (!Number.isInteger(count) || count < 1)
      throw new FairleadError('invalid', 'expected a whole number of calls from 1 on');
    const { status = 500 } = fault;
    if (status !== 'reset' && !(Number.isInteger(status) && status >= 400 && status <= 599))
      throw new FairleadError('invalid', `expected a status from 400 to 599 or 'reset', not ${status}`);
    return kept(this.#failing, { left: count, matches: callMatcher(fault.on), fault });
  }

  slow(delay: Duration, on?: string): Script {
    return kept(this.#slow, { matches: callMatcher(on), ms: milliseconds(delay) });
  }

  clear(): void {
    this.#failing.clear();
    this.#slow.clear();
  }

  async admit({ method = 'GET', url = '/' }: IncomingMessage, answer: HookAnswer): Promise<boolean> {
    const [path = '/'] = splitVersion(url).path.split('?', 1);
    const call = `${method} ${path}`;
    if (path.startsWith(controlPrefix)) return true;
    const delay = [...this.#slow].reduce((sum, { matches, ms }) => (matches(call) ? sum + ms : sum), 0);
    if (delay > 0) await setTimeout(delay);
    const failing = [...this.#failing].find(({ matches }) => matches(call));
    if (!failing) return true;
    failing.left -= 1;
    if (failing.left === 0) this.#failing.delete(failing);
    const { status = 500, message = `fault: ${call} was to fail` } = failing.fault;
    if (status === 'reset') answer.reset();
    else answer.refuse(status, message);
    return false;
  }
}

function kept<T>(set: Set<T>, item: T): Script {
  set.add(item);
  return { remove: () => set.delete(item) };
}

/** `METHOD`, `PATH` or `METHOD PATH`, with `*` for a part of a path and `**` for any number of them. */
function callMatcher(on = '**'): (call: string) => boolean {
  const [, method = '*', path = '/**'] =
    /^(?:([A-Z]+|\*))?\s*(\/\S*)?$/.exec(on === '**' ? '' : on) ?? unreadable(on);
  const parts = path.split(/(\*\*|\*)/).map((part) => {
    if (part === '**') return '.*';
    return part === '*' ? '[^/]+' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  });
  const pattern = new RegExp(`^${method === '*' ? '[A-Z]+' : method} ${parts.join('')}$`);
  return (call) => pattern.test(call);
}

function unreadable(on: string): never {
  throw new FairleadError(
    'invalid',
    `invalid call ${JSON.stringify(on)}: expected METHOD, /PATH or METHOD /PATH, as in POST /networks/create`,
  );
}
