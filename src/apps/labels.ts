import type { Container } from '../container/runtime.ts';
import { isAppName } from './app-names.ts';

/** How a real Dokku host marks its containers (docker-local scheduler), and so do we. */
export const labels = {
  app: 'com.dokku.app-name',
  process: 'com.dokku.process-type',
  container: 'com.dokku.container-type',
} as const;

/** Why a container exists: to serve, to build, or for one command (`dokku run`). */
export type ContainerType = 'deploy' | 'build' | 'run';

export interface AppContainer {
  readonly app: string;
  readonly process: string;
  readonly type: ContainerType;
  readonly container: Container;
}

/** What a container is to an app; undefined for one that is no app's. One that does not say its type serves. */
export function asAppContainer(container: Container): AppContainer | undefined {
  const { [labels.app]: app, [labels.process]: process, [labels.container]: kind } = container.spec.labels;
  if (!app || !process || !isAppName(app)) return undefined;
  return { app, process, type: typeOf(kind), container };
}

/** Dokku has more that end by themselves, `cron` for one. */
function typeOf(kind: string | undefined): ContainerType {
  if (kind === undefined || kind === '' || kind === 'deploy') return 'deploy';
  return kind === 'build' ? kind : 'run';
}

export function appContainers(containers: readonly Container[]): readonly AppContainer[] {
  return containers.flatMap((container) => asAppContainer(container) ?? []);
}

export function labelsFor(app: string, process: string, type: ContainerType): Record<string, string> {
  return { [labels.app]: app, [labels.process]: process, [labels.container]: type };
}

/** Names that a deploy of ours gives to containers that do not serve yet, or no longer; a crash may leave them. */
const passing = /\.(upcoming|retired)-[0-9a-f]{8}$/;
/** Dokku adds the Unix time to the name of a container that it is about to stop. */
const retiredByDokku = /\.\d{10}$/;

/** What Dokku calls upcoming serves, as far as names go: it has its alias from the beginning there. */
export function isPassing({ name }: Container): boolean {
  return passing.test(name) || retiredByDokku.test(name);
}

export function isRetired({ name }: Container): boolean {
  return /\.retired-[0-9a-f]{8}$/.test(name) || retiredByDokku.test(name);
}

export function upcomingName(name: string, tag: string): string {
  return `${name}.upcoming-${tag}`;
}

export function retiredName({ name }: Container, tag: string): string {
  return `${name.replace(passing, '')}.retired-${tag}`;
}
