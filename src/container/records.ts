import * as z from 'zod';
import { endpointFor } from '../cluster/endpoints/endpoint.ts';
import {
  type Attachment,
  type Container,
  currentSchema,
  interfaceSchema,
  sourceSchema,
  specSchema,
  wantedSchema,
} from './container.ts';

/** What the embedded store holds of a container of the sandbox and simulated modes: the `Container` itself. */

/** Of a place as versions up to 0.1.0 kept it, under `memberships`. */
const joinedSchema = interfaceSchema.omit({ name: true, source: true }).extend({
  endpointId: z.string(),
  interfaceName: z.string().exactOptional(),
  source: sourceSchema.exactOptional(),
  ipv4: z.string().exactOptional(),
  ipv6: z.string().exactOptional(),
  mac: z.string().exactOptional(),
});
const membershipsSchema = z.array(wantedSchema.extend({ joined: joinedSchema.exactOptional() }));
type Membership = z.infer<typeof membershipsSchema>[number];

const olderSchema = currentSchema
  .omit({ attachments: true, spec: true })
  .extend({
    spec: specSchema.omit({ attachments: true }).extend({ memberships: membershipsSchema }),
    memberships: membershipsSchema,
  })
  .transform(({ memberships, spec: { memberships: asked, ...rest }, ...container }): Container => {
    const spec = { ...rest, attachments: asked.map(({ joined: _, ...wanted }) => wanted) };
    const current = { ...container, spec };
    return { ...current, attachments: memberships.map((one) => attachmentFrom(one, current)) };
  });

/** As much of the endpoint as the older record tells; the first look at the store completes it. */
function attachmentFrom(
  { joined, ...wanted }: Membership,
  container: Omit<Container, 'attachments'>,
): Attachment {
  if (!joined) return wanted;
  const { endpointId: id, interfaceName: name, source, ipv4, ipv6, mac, ...rest } = joined;
  const addresses = { ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}), ...(mac ? { mac } : {}) };
  const { network: networkId, serviceId } = wanted;
  const identity = { id, networkId, nodeId: '', created: container.state.startedAt, ...addresses };
  return {
    ...wanted,
    endpoint: { ...endpointFor(identity, container, wanted), ...(serviceId ? { serviceId } : {}) },
    ...(name && source ? { interface: { name, source, ...rest } } : {}),
  };
}

export const containerSchema: z.ZodType<Container> = z.union([currentSchema, olderSchema]);

/** @throws an Error when the text is not a container's record */
export function decodeContainer(text: string): Container {
  return containerSchema.parse(JSON.parse(text));
}
