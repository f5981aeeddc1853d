import { isList, type Value } from '../template/values.ts';
import { goMap, goStruct } from './go-struct.ts';
import { goTime } from './go-time.ts';

/** Docker's network.Inspect: what `network inspect --format` sees. */
export function networkStruct(value: Value): Value {
  return goStruct('network.Inspect', value, {
    Name: ['Name', ''],
    ID: ['Id', ''],
    Created: ['Created', '0001-01-01T00:00:00Z', goTime],
    Scope: ['Scope', ''],
    Driver: ['Driver', ''],
    EnableIPv4: ['EnableIPv4', false],
    EnableIPv6: ['EnableIPv6', false],
    IPAM: ['IPAM', {}, ipamStruct],
    Internal: ['Internal', false],
    Attachable: ['Attachable', false],
    Ingress: ['Ingress', false],
    ConfigFrom: [
      'ConfigFrom',
      {},
      (from) => goStruct('network.ConfigReference', from, { Network: ['Network', ''] }),
    ],
    ConfigOnly: ['ConfigOnly', false],
    Containers: ['Containers', {}, (containers) => goMap(containers, endpointStruct)],
    Options: ['Options', {}, goMap],
    Labels: ['Labels', {}, goMap],
    Peers: ['Peers', []],
    Services: ['Services', {}],
  });
}

function ipamStruct(ipam: Value): Value {
  return goStruct('network.IPAM', ipam, {
    Driver: ['Driver', ''],
    Options: ['Options', {}],
    Config: ['Config', [], (pools) => (isList(pools) ? pools.map(poolStruct) : pools)],
  });
}

function poolStruct(pool: Value): Value {
  return goStruct('network.IPAMConfig', pool, {
    Subnet: ['Subnet', ''],
    IPRange: ['IPRange', ''],
    Gateway: ['Gateway', ''],
    AuxAddress: ['AuxiliaryAddresses', {}],
  });
}

function endpointStruct(endpoint: Value): Value {
  return goStruct('network.EndpointResource', endpoint, {
    Name: ['Name', ''],
    EndpointID: ['EndpointID', ''],
    MacAddress: ['MacAddress', ''],
    IPv4Address: ['IPv4Address', ''],
    IPv6Address: ['IPv6Address', ''],
  });
}
