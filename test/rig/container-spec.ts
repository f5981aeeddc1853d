import type { ContainerSpec } from '../../src/container/container.ts';
import type { ContainerFiles } from '../../src/container/runtime.ts';

/** A container without a command and without a network, but for what the test is about. */
export function containerSpec(change: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    name: '',
    image: 'scratch',
    command: [],
    env: [],
    workingDir: '',
    user: '',
    hostname: '',
    domainname: '',
    tty: false,
    openStdin: false,
    labels: {},
    networkMode: { kind: 'none' },
    dns: [],
    dnsSearch: [],
    dnsOptions: [],
    extraHosts: [],
    exposedPorts: [],
    autoRemove: false,
    publishServices: [],
    extras: {},
    attachments: [],
    ...change,
  };
}

export const containerFiles: ContainerFiles = {
  resolvConf: 'nameserver 192.0.2.53\noptions ndots:0\n',
  hosts: '127.0.0.1\tlocalhost\n192.0.2.7\tmyself\n',
};
