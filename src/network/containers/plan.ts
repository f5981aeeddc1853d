import { parseLink } from '../../cluster/endpoints/links.ts';
import { checkEndpointOptions } from '../../cluster/endpoints/options.ts';
import type { Attachment, Container, ContainerSpec, NetworkMode } from '../../container/container.ts';
import { FairleadError, messageOf } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { parseName } from '../../lib/names.ts';
import type { CreateContainer, EndpointSettings } from '../model.ts';
import type { Networks } from '../networks/networks.ts';
import { parseServiceName } from '../services/service-name.ts';

/**
 * Decides everything about a container before anything is made: its network mode and its attachments.
 * A network that does not exist is no error yet (it may be created before the start), but the network of
 * `--publish-service` must be there.
 * @throws invalid | not-found
 */
export function planContainer(
  request: CreateContainer,
  networks: Networks,
  findContainer: (ref: string) => Container,
): ContainerSpec {
  const networkMode = parseMode(request, networks, findContainer);
  const links = planLinks(request, findContainer);
  const attachments = planAttachments(request, networkMode, networks, links);
  const { endpoints: _, networkMode: __, links: ___, standby: ____, ...rest } = request;
  return {
    name: '',
    command: [],
    env: [],
    workingDir: '',
    user: '',
    hostname: '',
    domainname: '',
    tty: false,
    openStdin: false,
    labels: {},
    dns: [],
    dnsSearch: [],
    dnsOptions: [],
    extraHosts: [],
    exposedPorts: [],
    autoRemove: false,
    publishServices: [],
    extras: {},
    ...rest,
    networkMode,
    attachments,
  };
}

function parseMode(
  request: CreateContainer,
  networks: Networks,
  findContainer: (ref: string) => Container,
): NetworkMode {
  const text = request.networkMode || 'default';
  const publishes = (request.publishServices ?? []).length > 0;
  if (request.standby && !publishes)
    throw new FairleadError('invalid', '--standby needs a service: give --publish-service SERVICE[.NETWORK]');
  if (publishes && text !== 'default') {
    throw new FairleadError('invalid', 'conflicting options: publishing a service and network mode');
  }
  if (text.startsWith('container:')) {
    const ref = text.slice('container:'.length);
    if (ref === '') {
      throw new FairleadError(
        'invalid',
        'Invalid network mode: invalid container format container:<name|id>',
      );
    }
    if (request.hostname)
      throw new FairleadError('invalid', 'conflicting options: hostname and the network mode');
    return { kind: 'container', containerId: findContainer(ref).id };
  }
  if (text === 'none' || text === 'host') return { kind: text };
  if (text !== 'default') return { kind: 'network', network: text };
  return publishes ? { kind: 'network', network: 'default' } : networks.defaultMode(findContainer);
}

function planAttachments(
  request: CreateContainer,
  mode: NetworkMode,
  networks: Networks,
  links: readonly string[],
): readonly Attachment[] {
  if (mode.kind === 'container') return [];
  const published = (request.publishServices ?? []).flatMap((text) =>
    planPublished(text, networks, request.standby ?? false),
  );
  if (published.length > 0) return published;
  // A map: networks may be called like a member of every object.
  const settings = new Map(Object.entries(request.endpoints ?? {}));
  const main = mode.kind === 'network' ? mode.network : mode.kind;
  // The mode as the client spelled it may be the key of its endpoint settings.
  const spelled = [main, request.networkMode ?? '', 'default'];
  const [mainSettings = {}] = spelled.flatMap((name) => settings.get(name) ?? []);
  const others = [...settings].filter(([name]) => !spelled.includes(name));
  const first = links.length > 0 ? { links, ...mainSettings } : mainSettings;
  return [planAttachment(main, first), ...others.map(([name, own]) => planAttachment(name, own))];
}

/** By id, so that a link outlives a change of the other's name. @throws invalid: "not found" would be the image */
function planLinks(
  { links = [] }: CreateContainer,
  findContainer: (ref: string) => Container,
): readonly string[] {
  return links.map(parseLink).map(({ target, alias }) => {
    try {
      return `${shortId(findContainer(target).id)}:${alias}`;
    } catch (error) {
      throw new FairleadError('invalid', `could not get container for ${target}: ${messageOf(error)}`);
    }
  });
}

function planAttachment(network: string, settings: EndpointSettings): Attachment {
  checkEndpointOptions(settings);
  return {
    ...settings,
    network,
    aliases: (settings.aliases ?? []).map((alias) => parseName('alias', alias)),
  };
}

/**
 * `--publish-service SERVICE[.NETWORK]`: the network must exist now; the service is made at the start. A standby has a
 * place of its own as well, so that it is on the network while it waits.
 */
function planPublished(text: string, networks: Networks, isStandby: boolean): readonly Attachment[] {
  const { service, network } = parseServiceName(text, networks);
  const wanted = { network: network.id, publish: parseName('service', service), aliases: [] };
  return isStandby
    ? [
        { network: network.id, aliases: [] },
        { ...wanted, standby: {} },
      ]
    : [wanted];
}
