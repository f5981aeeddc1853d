import { isList, isMap, Struct, type Value } from '../template/values.ts';
import { goMap, goStruct } from './go-struct.ts';

/** Docker's container.InspectResponse, where its names or texts are not those of its JSON. */
export function containerStruct(value: Value): Value {
  if (!isMap(value)) return value;
  const { Id, NetworkSettings, ...fields } = value;
  const settings = isMap(NetworkSettings)
    ? { ...NetworkSettings, Ports: portMap(NetworkSettings.Ports) }
    : null;
  const typed = { ID: Id, ...fields, NetworkSettings: settings };
  return new Struct('container.InspectResponse', typed, {}, { json: value });
}

function portMap(ports: Value): Value {
  return goMap(ports, (bindings) => (isList(bindings) ? bindings.map(portBinding) : bindings));
}

function portBinding(binding: Value): Value {
  return goStruct('nat.PortBinding', binding, { HostIP: ['HostIp', ''], HostPort: ['HostPort', ''] });
}
