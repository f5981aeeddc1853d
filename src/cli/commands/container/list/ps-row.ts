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
    created: `${humanDuration(now / 1000 - Created)} ago`,
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

/** go-units' HumanDuration. */
export function humanDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.round(seconds / 3600);
  if (seconds < 1) return 'Less than a second';
  if (Math.floor(seconds) === 1) return '1 second';
  if (seconds < 60) return `${Math.floor(seconds)} seconds`;
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / 3600 / 24 / 365)} years`;
}
