import type { NetworkContents, NodeView } from './views.ts';

export type Kind = 'node' | 'network' | 'service' | 'endpoint';

/** Of nodes: joined, changed, left, lost, forgotten; of the others: created, changed, removed. */
export type Action = 'joined' | 'left' | 'lost' | 'forgotten' | 'created' | 'changed' | 'removed';

export interface Difference {
  readonly kind: Kind;
  readonly action: Action;
  /** The object as it is now, or as it was last: JSON. */
  readonly text: string;
}

interface Shown {
  readonly kind: Kind;
  readonly text: string;
}

/** What readers have been shown, as texts: a change is what makes another text. */
export class Differences {
  readonly #nodes = new Map<string, { readonly state: NodeView['state']; readonly text: string }>();
  /** Network id → object's id → what is shown, in the order of being made. */
  readonly #networks = new Map<string, ReadonlyMap<string, Shown>>();

  get networkIds(): Iterable<string> {
    return this.#networks.keys();
  }

  node(id: string, view: NodeView | undefined): readonly Difference[] {
    const before = this.#nodes.get(id);
    const text = view ? JSON.stringify(view) : (before?.text ?? '');
    if (view) this.#nodes.set(id, { state: view.state, text });
    else this.#nodes.delete(id);
    if (before?.text === text && view) return [];
    const action = nodeAction(before?.state, view?.state);
    return action ? [{ kind: 'node', action, text }] : [];
  }

  /** `contents` undefined: there is no such network. What goes is told before what comes, from the outside in. */
  network(id: string, contents: NetworkContents | undefined): readonly Difference[] {
    const before = this.#networks.get(id) ?? new Map<string, Shown>();
    const now = contents ? shownOf(contents) : new Map<string, Shown>();
    if (contents) this.#networks.set(id, now);
    else this.#networks.delete(id);
    const removed = [...before].filter(([key]) => !now.has(key)).reverse();
    const put = [...now].filter(([key, { text }]) => before.get(key)?.text !== text);
    return [
      ...removed.map(([, shown]) => ({ ...shown, action: 'removed' as const })),
      ...put.map(([key, shown]) => ({
        ...shown,
        action: before.has(key) ? ('changed' as const) : ('created' as const),
      })),
    ];
  }

  /** All that is shown, by kind: JSON. */
  snapshot(): string {
    const all = [...this.#networks.values()].flatMap((of) => [...of.values()]);
    const texts = (kind: Kind) => all.filter((shown) => shown.kind === kind).map(({ text }) => text);
    const members = [
      ['nodes', [...this.#nodes.values()].map(({ text }) => text)],
      ['networks', texts('network')],
      ['services', texts('service')],
      ['endpoints', texts('endpoint')],
    ] as const;
    return members.map(([name, of]) => `"${name}":[${of.join(',')}]`).join(',');
  }
}

function shownOf({ network, services, endpoints }: NetworkContents): Map<string, Shown> {
  const shown = (kind: Kind, view: { readonly id: string }) =>
    [view.id, { kind, text: JSON.stringify(view) }] as const;
  return new Map([
    shown('network', network),
    ...services.map((view) => shown('service', view)),
    ...endpoints.map((view) => shown('endpoint', view)),
  ]);
}

type State = NodeView['state'] | undefined;

function nodeAction(before: State, now: State): Action | undefined {
  if (now === undefined)
    return before === undefined
      ? undefined
      : before === 'leaving'
        ? 'left'
        : before === 'lost'
          ? 'forgotten'
          : 'lost';
  if (now === 'lost') return before === 'lost' ? 'changed' : 'lost';
  return before === undefined || before === 'lost' ? 'joined' : 'changed';
}
