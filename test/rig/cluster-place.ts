import { UndoStack } from '../../src/lib/undo.ts';
import { type Exchange, exchangeBy, exchangeWith } from './ask.ts';
import { udpSocketIn } from './namespace-socket.ts';
import { Relay } from './relay.ts';
import { freePorts } from './server.ts';
import type { RunningStore } from './stores.ts';
import { Underlay } from './underlay.ts';

/** What lies between a daemon and the store, for a test to cut. */
export interface Wire {
  /** Like a cable pulled out: nothing passes, and no end is told. */
  freeze(): Promise<void>;
  /** Like a server gone: connections are reset, new ones too. */
  refuse(): Promise<void>;
  heal(): Promise<void>;
}

/** Where a daemon runs, what it is told, and how it is asked. */
export interface Spot {
  /** `ADDRESS:PORT` of the store as seen from there. */
  readonly store: string;
  /** For --dns-listen. */
  readonly dns: string;
  readonly exchange: Exchange;
  /** Path; absent: this process's own. */
  readonly namespace?: string;
  /** Absent on loopback. */
  readonly wire?: Wire;
}

export interface Place extends AsyncDisposable {
  /** Names of the network namespaces that were made for it. */
  readonly namespaces: readonly string[];
  /** Of the Nth node, counted from 1. */
  spot(number: number): Promise<Spot>;
}

/** All on this process's loopback. */
export function onLoopback({ port: storePort }: RunningStore): Place {
  return {
    namespaces: [],
    async spot() {
      const [port = 0] = await freePorts(1);
      return { store: `127.0.0.1:${storePort}`, dns: `127.0.0.1:${port}`, exchange: exchangeWith(port) };
    },
    async [Symbol.asyncDispose]() {},
  };
}

const storePort = 7000;
const dnsPort = 5354;

/** Each daemon on a host of its own, the store on another one, and packets on a wire between them. */
export async function onHosts(running: RunningStore, nodes: number): Promise<Place> {
  const opened = new UndoStack();
  const underlay = await Underlay.create(nodes + 1);
  opened.push('hosts', () => underlay[Symbol.asyncDispose]());
  const storeHost = nodes + 1;
  const address = Underlay.address(storeHost);
  const relay = await Relay.start({
    ...{ namespace: underlay.host(storeHost).path, address, port: storePort },
    ...{ target: running.port, directory: running.server.directory },
  });
  opened.push('relay', () => relay[Symbol.asyncDispose]());
  return {
    namespaces: underlay.namespaces,
    async spot(number) {
      const namespace = underlay.host(number).path;
      const socket = await udpSocketIn(namespace);
      opened.push('socket', () => socket.close());
      return {
        store: `${address}:${storePort}`,
        dns: `127.0.0.1:${dnsPort}`,
        exchange: exchangeBy(socket, dnsPort),
        namespace,
        wire: {
          freeze: () => underlay.cut(number, storeHost),
          refuse: () => underlay.refuse(number, storeHost),
          heal: () => underlay.heal(number, storeHost),
        },
      };
    },
    async [Symbol.asyncDispose]() {
      const [failure] = await opened.unwind();
      if (failure) throw failure;
    },
  };
}
