import type { Driver } from './driver.ts';

/** `none`: a container on it has `lo` and nothing else. */
export function createNullDriver(): Driver {
  return withoutInterfaces('null');
}

/** A driver whose networks need nothing of the host and give a container nothing. */
export function withoutInterfaces(name: string): Driver {
  return {
    name,
    scope: 'local',
    addressed: false,
    single: true,
    validate() {},
    async ensureNetwork() {},
    async removeNetwork() {},
    async join() {
      return { routes: [] };
    },
    async leave() {},
  };
}
