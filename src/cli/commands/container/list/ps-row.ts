import { humanDuration } from '../../../../lib/human-duration.ts';
import { shortId } from '../../../../lib/ids.ts';
import { displayPorts } from '../../../output/ports.ts';
import type { ListedContainer } from '../records.ts';

/** One line of `ps`, as text. */
export function psRow(container: ListedContainer, full: boolean, now = Date.now()) {
  const { Id, Image, Command, Created, Status, Names } = container;
  return {
    id: full ? Id : shortId(Id),
    image: Image,
    command: `"${full ? Command : ellipsis(Command, 20)}"`,
    created: `${humanDuration(now - Created * 1000)} ago`,
    status: Status,
    ports: displayPorts(container.Ports ?? []),
    names: Names.map((name) => name.replace(/^\//, '')).join(','),
  };
}

export function ellipsis(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

/** go-units' HumanSizeWithPrecision of three digits. */
export function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let [size, unit] = [bytes, 0];
  for (; size >= 1000 && unit < units.length - 1; unit += 1) size /= 1000;
  return `${Number(size.toPrecision(3))}${units[unit]}`;
}
