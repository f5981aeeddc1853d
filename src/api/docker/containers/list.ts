import type { Port } from '../../../cluster/records.ts';
import type { Container } from '../../../container/container.ts';
import type { Volumes } from '../../../container/volumes.ts';
import { FairleadError } from '../../../lib/errors.ts';
import { humanDuration } from '../../../lib/human-duration.ts';
import { lookup } from '../../../lib/lookup.ts';
import { flagOf, numberOf } from '../../http/query.ts';
import type { ApiVersion } from '../../http/version.ts';
import {
  type Filters,
  matcher,
  matchesExactly,
  matchesLabels,
  parseFilters,
  requireKnown,
} from '../filters.ts';
import { imageId, normalName } from '../images/image-name.ts';
import { mountShapes } from '../isolation/mount-shape.ts';
import { endpointsShape, type NetworkIndex } from './networks.ts';
import { listPorts, parsePorts } from './port-bindings.ts';
import { networkModeText } from './shape.ts';

const known = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
];
const statuses = ['created', 'restarting', 'running', 'removing', 'paused', 'exited', 'dead'];

/** The containers that GET /containers/json lists: newest first, only running ones by default. @throws invalid */
export function selectContainers(
  query: URLSearchParams,
  containers: readonly Container[],
  find: NetworkIndex,
): readonly Container[] {
  const filters = parseFilters(query);
  requireKnown(filters, known);
  const limit = numberOf(query, 'limit') ?? 0;
  const all = flagOf(query, 'all') || limit > 0 || filters.has('status') || filters.has('exited');
  const selects = selector(filters, containers, find);
  const selected = [...containers]
    .reverse()
    .filter((container) => (all || isUp(container)) && selects(container));
  return limit > 0 ? selected.slice(0, limit) : selected;
}

function selector(
  filters: Filters,
  containers: readonly Container[],
  find: NetworkIndex,
): (container: Container) => boolean {
  const bad = filters.get('status')?.find((status) => !statuses.includes(status));
  if (bad !== undefined) throw new FairleadError('invalid', `invalid filter 'status=${bad}'`);
  const names = containers.flatMap(({ name }) => [name, `/${name}`]);
  const byName = matcher(filters, 'name', names);
  const byId = matcher(
    filters,
    'id',
    containers.map(({ id }) => id),
  );
  const byAge = ageSelector(filters, containers);
  const byNetwork = networkSelector(filters, find);
  return (container) =>
    (byName(container.name) || byName(`/${container.name}`)) &&
    byId(container.id) &&
    byAge(container) &&
    byNetwork(container) &&
    matchesLabels(filters, container.spec.labels) &&
    matchesExactly(filters, 'status', shownStatus(container)) &&
    matchesExactly(filters, 'health', container.health ?? 'none') &&
    matchesExit(filters, container) &&
    matchesImage(filters, container) &&
    matchesPorts(filters, container) &&
    (filters.get('volume') ?? []).length === 0;
}

/** `before` and `since` name a container; the list is in order of creation. */
function ageSelector(filters: Filters, containers: readonly Container[]): (container: Container) => boolean {
  const position = (key: string) => {
    const ref = filters.get(key)?.[0];
    return ref === undefined ? undefined : containers.indexOf(lookup('container', ref, containers));
  };
  const before = position('before') ?? containers.length;
  const since = position('since') ?? -1;
  return (container) => {
    const at = containers.indexOf(container);
    return at < before && at > since;
  };
}

function networkSelector(filters: Filters, find: NetworkIndex): (container: Container) => boolean {
  const wanted = filters.get('network') ?? [];
  return ({ attachments }) =>
    wanted.length === 0 ||
    attachments.some((attachment) => {
      const network = find(attachment.network);
      return wanted.some((ref) => ref === attachment.network || ref === network?.name || ref === network?.id);
    });
}

function matchesExit(filters: Filters, { state }: Container): boolean {
  const codes = filters.get('exited') ?? [];
  const bad = codes.find((code) => !/^\d{1,3}$/.test(code));
  if (bad !== undefined) {
    throw new FairleadError('invalid', `strconv.Atoi: parsing "${bad}": invalid syntax`);
  }
  return codes.length === 0 || (state.status === 'exited' && codes.includes(String(state.exitCode)));
}

function matchesImage(filters: Filters, { spec }: Container): boolean {
  const images = filters.get('ancestor') ?? [];
  const id = imageId(spec.image);
  return (
    images.length === 0 ||
    images.some(
      (image) =>
        normalName(image) === normalName(spec.image) || id.startsWith(`sha256:${image}`) || id === image,
    )
  );
}

/** `publish` looks at the host's ports, `expose` at the container's. @throws invalid */
function matchesPorts(filters: Filters, { spec, published = [] }: Container): boolean {
  const onHost = published.map(({ hostPort, protocol }) => ({ port: hostPort, protocol }));
  return has(filters.get('publish'), onHost) && has(filters.get('expose'), spec.exposedPorts);
}

function has(wanted: readonly string[] | undefined, ports: readonly Port[]): boolean {
  if (!wanted?.length) return true;
  return parsePorts(wanted).some(({ port, protocol }) =>
    ports.some((other) => other.port === port && other.protocol === protocol),
  );
}

interface ListOptions {
  readonly volumes: Volumes;
  readonly withSize: boolean;
  readonly now: number;
}

/** One entry of GET /containers/json, members in the Engine's order. */
export function listShape(
  container: Container,
  find: NetworkIndex,
  version: ApiVersion,
  { volumes, withSize, now }: ListOptions,
): Record<string, unknown> {
  const { spec } = container;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: spec.image,
    ImageID: imageId(spec.image),
    Command: spec.command.map((word) => (word.includes(' ') ? `'${word}'` : word)).join(' '),
    Created: Math.floor(Date.parse(container.created) / 1000),
    Ports: listPorts(container),
    ...(withSize && { SizeRw: 0, SizeRootFs: 0 }),
    Labels: spec.labels,
    State: shownStatus(container),
    Status: statusText(container, now),
    HostConfig: { NetworkMode: networkModeText(spec.networkMode) },
    NetworkSettings: { Networks: endpointsShape(container, find, version, 'list') },
    Mounts: mountShapes(container, volumes),
  };
}

function isUp(container: Container): boolean {
  return ['running', 'restarting'].includes(shownStatus(container));
}

/** The Engine's status: ours, but for a container that is about to be started again. */
function shownStatus({ state, supervision }: Container): string {
  return state.status !== 'running' && supervision?.restarting ? 'restarting' : state.status;
}

/** What `docker ps` shows as STATUS. */
export function statusText(container: Container, now: number): string {
  const { state } = container;
  if (shownStatus(container) === 'restarting') {
    return `Restarting (${state.exitCode}) ${humanDuration(now - Date.parse(state.finishedAt))} ago`;
  }
  if (state.status === 'created') return 'Created';
  if (state.status === 'running') {
    return `Up ${humanDuration(now - Date.parse(state.startedAt))}${healthText(container)}`;
  }
  return `Exited (${state.exitCode}) ${humanDuration(now - Date.parse(state.finishedAt))} ago`;
}

/** As `docker ps` shows it behind the time. */
function healthText({ health }: Container): string {
  if (health === undefined) return '';
  return health === 'starting' ? ' (health: starting)' : ` (${health})`;
}
