import { joinHostPort } from '../../lib/host-address.ts';
import type { ListedContainer } from '../commands/container/records.ts';

type Port = NonNullable<ListedContainer['Ports']>[number];

interface Group {
  readonly ip: string;
  readonly type: string;
  readonly first: number;
  last: number;
}

/**
 * The PORTS column as the docker CLI writes it (formatter.DisplayablePorts): neighbouring ports that have
 * the same number on the host are one range, others follow one by one.
 */
export function displayPorts(ports: readonly Port[]): string {
  const open = new Map<string, Group>();
  const closed: Group[] = [];
  const mapped: string[] = [];
  for (const { IP = '', PrivatePort, PublicPort, Type } of [...ports].sort(inOrder)) {
    if (IP !== '' && PublicPort !== PrivatePort) {
      mapped.push(`${joinHostPort(IP, PublicPort ?? 0)}->${PrivatePort}/${Type}`);
      continue;
    }
    const key = `${IP}/${Type}`;
    const group = open.get(key);
    if (group && PrivatePort === group.last + 1) {
      group.last = PrivatePort;
      continue;
    }
    if (group) closed.push(group);
    open.set(key, { ip: IP, type: Type, first: PrivatePort, last: PrivatePort });
  }
  return [...[...closed, ...open.values()].map(groupText), ...mapped].join(', ');
}

function inOrder(a: Port, b: Port): number {
  const byAddress = (a.IP ?? '') < (b.IP ?? '') ? -1 : Number(a.IP !== b.IP);
  return (
    a.PrivatePort - b.PrivatePort ||
    byAddress ||
    (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
    (a.Type < b.Type ? -1 : 1)
  );
}

function groupText({ ip, type, first, last }: Group): string {
  const range = first === last ? String(first) : `${first}-${last}`;
  return `${ip === '' ? range : `${joinHostPort(ip, range)}->${range}`}/${type}`;
}
