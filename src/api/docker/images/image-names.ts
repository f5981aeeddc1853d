import { type Clock, systemClock } from '../../../lib/clock.ts';
import { FairleadError } from '../../../lib/errors.ts';
import { timestamp } from '../../../lib/time.ts';
import type { Containers } from '../../../network/model.ts';
import { imageId, normalName } from './image-name.ts';

/** Names that a client pulled are remembered so that its next inspect finds them; the oldest are forgotten. */
const maxPulled = 1000;

/** An image is only a name: one exists when it was pulled or a container uses it. */
export class Images {
  readonly #pulled = new Map<string, string>();

  constructor(
    private readonly containers: Pick<Containers, 'list'>,
    private readonly clock: Clock = systemClock,
  ) {}

  /** Name → when it came to be known, RFC 3339. */
  known(): ReadonlyMap<string, string> {
    const used = this.containers
      .list()
      .map(({ spec, created }) => [normalName(spec.image), created] as const);
    return new Map([...this.#pulled, ...used]);
  }

  /** By name, id or a prefix of its id. @throws not-found, in the Engine's words */
  find(ref: string): readonly [name: string, created: string] {
    const found = [...this.known()].find(([name]) => isImage(ref, name));
    if (!found) throw new FairleadError('not-found', `No such image: ${withTag(ref)}`);
    return found;
  }

  /** How many containers use it. */
  users(name: string): number {
    return this.containers.list().filter(({ spec }) => normalName(spec.image) === name).length;
  }

  /** Those that no container uses. */
  unused(): readonly string[] {
    const used = new Set(this.containers.list().map(({ spec }) => normalName(spec.image)));
    return [...this.#pulled.keys()].filter((name) => !used.has(name));
  }

  /** @returns whether it was not known before */
  pull(name: string): boolean {
    const isNew = !this.known().has(name);
    this.#pulled.set(name, timestamp(this.clock.now()));
    if (this.#pulled.size > maxPulled) this.#pulled.delete([...this.#pulled.keys()][0] ?? name);
    return isNew;
  }

  /** @throws not-found | conflict while a container uses it */
  remove(ref: string): string {
    const [name] = this.find(ref);
    const user = this.containers.list().find(({ spec }) => normalName(spec.image) === name);
    if (user) {
      throw new FairleadError(
        'conflict',
        `conflict: unable to remove repository reference "${ref}" (must force) - container ` +
          `${user.id.slice(0, 12)} is using its referenced image ${imageId(name).slice(7, 19)}`,
      );
    }
    this.#pulled.delete(name);
    return name;
  }
}

function isImage(ref: string, name: string): boolean {
  const id = imageId(name);
  return (
    normalName(ref) === name || id === ref || (/^[0-9a-f]{4,}$/.test(ref) && id.startsWith(`sha256:${ref}`))
  );
}

/** As the Engine shows it where an image was looked for: with the tag that it means. */
function withTag(ref: string): string {
  return /[:@]/.test(ref.slice(ref.lastIndexOf('/') + 1)) ? ref : `${ref}:latest`;
}
