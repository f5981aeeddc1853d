import type { Attachment } from '../../container/container.ts';
import type { EnginePlace } from '../../container/host-engine.ts';

/** The one of a network that the Engine has. */
export function placeAmong(attachments: readonly Attachment[]): Attachment | undefined {
  return attachments.find(({ serviceId }) => serviceId !== undefined) ?? attachments[0];
}

/** The container's own place on a network. */
export function own(attachments: readonly Attachment[]): Attachment | undefined {
  return attachments.find(({ serviceId }) => serviceId === undefined);
}

/** What a container asks for of its place on a network is done for its service's place, too, but for the addresses. */
export function asOwn(place: Attachment, asked: Attachment): Attachment {
  const { ipv4: _, ipv6: __, ...settings } = settingsOf(asked);
  return { ...place, ...settings };
}

export function settingsOf(attachment: Attachment): EnginePlace {
  const { aliases, ipv4, ipv6, links, linkLocal, gatewayPriority, driverOptions } = attachment;
  return {
    aliases,
    ...(ipv4 ? { ipv4 } : {}),
    ...(ipv6 ? { ipv6 } : {}),
    ...(links ? { links } : {}),
    ...(linkLocal ? { linkLocal } : {}),
    ...(gatewayPriority ? { gatewayPriority } : {}),
    ...(driverOptions ? { driverOptions } : {}),
  };
}
