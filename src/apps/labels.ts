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

/** What a container is to an app; undefined for one that is no app's. Dokku's own need not say their type. */
export function asAppContainer(container: Container): AppContainer | undefined {
  const { [labels.app]: app, [labels.process]: process, [labels.container]: said } = container.spec.labels;
  if (!app || !process || !isAppName(app)) return undefined;
  const type = said === 'build' || said === 'run' ? said : 'deploy';
  return { app, process, type, container };
}

export function appContainers(containers: readonly Container[]): readonly AppContainer[] {
  return containers.flatMap((container) => asAppContainer(container) ?? []);
}

export function labelsFor(app: string, process: string, type: ContainerType): Record<string, string> {
  return { [labels.app]: app, [labels.process]: process, [labels.container]: type };
}

/** Names that a deploy gives to containers that do not serve yet, or no longer; a crash may leave them. */
const passing = /\.(upcoming|retired)-[0-9a-f]+$/;

export function isPassing({ name }: Container): boolean {
  return passing.test(name);
}

export function upcomingName(name: string, tag: string): string {
  return `${name}.upcoming-${tag}`;
}

export function retiredName({ name }: Container, tag: string): string {
  return `${name.replace(passing, '')}.retired-${tag}`;
}
