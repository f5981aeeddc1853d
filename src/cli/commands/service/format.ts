import { type Columns, formatRows } from '../../format/formatter.ts';
import type { ServiceRecord } from './records.ts';

export function formatServices(
  format: string,
  services: readonly ServiceRecord[],
  idOf: (id: string) => string,
): string {
  return formatRows(format, services, columns(idOf));
}

function columns(idOf: (id: string) => string): Columns<ServiceRecord> {
  const providers = (service: ServiceRecord, of: (one: ServiceRecord['providers'][number]) => string) =>
    service.providers.map(of).join(',');
  return {
    typeName: '*service.serviceContext',
    fields: {
      ID: ['SERVICE ID', ({ id }) => idOf(id)],
      Name: ['NAME', ({ name }) => name],
      Network: ['NETWORK', ({ network }) => network],
      Provider: ['PROVIDER', (service) => providers(service, (one) => idOf(one.container_id))],
      ProviderName: ['PROVIDER NAME', (service) => providers(service, (one) => one.container_name)],
      Node: ['NODE', (service) => providers(service, (one) => one.node)],
      IPv4: ['IPV4', ({ ipv4 }) => ipv4],
      IPv6: ['IPV6', ({ ipv6 }) => ipv6],
      Shared: ['SHARED', ({ shared }) => String(shared)],
      Implicit: ['IMPLICIT', ({ implicit }) => String(implicit)],
      Aliases: ['ALIASES', ({ aliases }) => aliases.join(',')],
    },
    table: '{{.ID}}\t{{.Name}}\t{{.Network}}\t{{.Provider}}',
    raw: 'service_id: {{.ID}}\nname: {{.Name}}\nnetwork: {{.Network}}\nprovider: {{.Provider}}\n',
  };
}
