import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import Docker from 'dockerode';
import { type Client, createClient } from './client.ts';
import type { Endpoint } from './connect.ts';

/** Makes a client for the daemon; nothing is sent yet. */
export function openClient(endpoint: Endpoint): Client {
  return createClient(
    withoutDockerHost(() => new Docker(options(endpoint))),
    endpoint,
  );
}

function options({ address, certificates }: Endpoint): Docker.DockerOptions {
  // The empty server name spares Node's check whether "localhost" is an IP address: 3 ms of a CLI's start.
  const agent = { agent: new Agent({ servername: '' } as object) };
  if (address.kind === 'unix') return { socketPath: address.path, ...agent };
  const target = { host: address.host, port: address.port };
  const secure = address.tls || certificates !== undefined;
  if (!secure) return { ...target, protocol: 'http', ...agent };
  return { ...target, protocol: 'https', ...(certificates ? readCertificates(certificates) : {}) };
}

function readCertificates(folder: string) {
  const read = (name: string) => readFileSync(join(folder, name));
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

/** The transport mixes DOCKER_HOST into its options, and fails on values it cannot parse; it is not ours to follow. */
function withoutDockerHost<T>(make: () => T): T {
  const saved = process.env.DOCKER_HOST;
  delete process.env.DOCKER_HOST;
  try {
    return make();
  } finally {
    if (saved !== undefined) process.env.DOCKER_HOST = saved;
  }
}
