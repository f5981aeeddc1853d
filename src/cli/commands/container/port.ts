import * as z from 'zod/mini';
import { joinHostPort } from '../../../lib/host-address.ts';
import { command } from '../../command.ts';
import { Failure } from '../../failure.ts';

const inspected = z.object({
  NetworkSettings: z.object({
    Ports: z.record(z.string(), z.nullable(z.array(z.object({ HostIp: z.string(), HostPort: z.string() })))),
  }),
});

/** `80/tcp -> 0.0.0.0:8080`; with a port given, only its host side. */
export const port = command({
  synopsis: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
  description: 'List port mappings or a specific mapping for the container',
  args: [1, 2],
  flags: {},
  async run({ args: [ref = '', wanted], client, shell }) {
    const path = `/containers/${encodeURIComponent(ref)}/json`;
    const { Ports } = (await client.request('GET', path, {}, inspected)).NetworkSettings;
    const key = wanted === undefined || wanted.includes('/') ? wanted : `${wanted}/tcp`;
    const shown = Object.entries(Ports).filter(([port]) => key === undefined || port === key);
    const lines = shown.flatMap(([port, bindings]) =>
      (bindings ?? []).map(({ HostIp, HostPort }) => {
        const onHost = joinHostPort(HostIp, HostPort);
        return key === undefined ? `${port} -> ${onHost}` : onHost;
      }),
    );
    if (key !== undefined && lines.length === 0) {
      throw new Failure(`Error: No public port '${key}' published for ${ref}`);
    }
    for (const line of lines) shell.stdout.write(`${line}\n`);
  },
});
