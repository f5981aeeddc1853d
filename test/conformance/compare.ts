import type { Answer } from './answer.ts';
import { type Case, titleOf } from './case.ts';

/** One thing in which the two answers to a case differ. */
export interface Difference {
  readonly call: string;
  /** `status 500 → 400`, `message`, or the path of a member: `NetworkSettings.Networks.n1.Aliases`. */
  readonly at: string;
  readonly engine: unknown;
  readonly ours: unknown;
}

/** Ids, times and addresses are made anew by each daemon: only that they are there can be compared. */
export function compare(one: Case, engine: Answer, ours: Answer): Difference[] {
  const call = titleOf(one);
  const [a, b] = [contentOf(engine, one), contentOf(ours, one)];
  const content = differences(a, b, '').map((difference) => ({ call, ...difference }));
  if (engine.status === ours.status) return content;
  const at = `status ${engine.status} → ${ours.status}`;
  const status = { call, at, engine: summary(engine), ours: summary(ours) };
  // One did it and the other did not: their answers have nothing in common.
  return engine.status < 400 || ours.status < 400 ? [status] : [status, ...content];
}

function summary({ status, text }: Answer): unknown {
  return status < 400 ? status : (messageOf(parse(text)) ?? text);
}

function contentOf({ status, text }: Answer, { sortBy }: Case): unknown {
  const parsed = parse(text);
  // The words of an error are compared as such; whether they come as JSON or text, the status decides.
  if (status >= 400) return { message: normal(messageOf(parsed) ?? text.trim()) };
  const sorted = sortBy !== undefined && Array.isArray(parsed) ? sort(parsed, sortBy) : parsed;
  return normal(sorted ?? text.trimEnd());
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return parseLines(text);
  }
}

/** A stream of objects, one a line: events. */
function parseLines(text: string): unknown {
  try {
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  } catch {
    return undefined;
  }
}

function messageOf(value: unknown): string | undefined {
  return isObject(value) && typeof value.message === 'string' ? value.message : undefined;
}

function sort(list: readonly unknown[], member: string): unknown[] {
  const key = (value: unknown) => (isObject(value) ? String(value[member]) : '');
  return list.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

const unixTimes = new Set(['Created', 'time', 'timeNano', 'execDuration']);

/** The Engine takes them from a map, in any order. */
const unordered = new Set(['Links', 'Ports', 'NetworksDeleted', 'ContainersDeleted']);

function normal(value: unknown, member = ''): unknown {
  if (typeof value === 'string') return unixTimes.has(member) ? '<time>' : normalText(value);
  if (typeof value === 'number') {
    if (unixTimes.has(member)) return '<time>';
    return member === 'Pid' && value > 0 ? '<pid>' : value;
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => normal(item));
    return unordered.has(member)
      ? items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : items;
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [normalText(name), normal(item, name)]),
  );
}

function normalText(text: string): string {
  return (
    text
      .replace(/\b[0-9a-f]{64}\b/g, '<id>')
      .replace(/\b[0-9a-f]{12}\b/g, '<short id>')
      .replace(/\b\d{4}-\d\d-\d\dT[\d:]+(\.\d+)?(Z|[+-]\d\d:\d\d)/g, (time) =>
        time.startsWith('0001') ? time : '<time>',
      )
      .replace(/^\/tmp\/[^"]*$/, '<path>')
      // Of pools that the daemon chose.
      .replace(/\b(172\.(1[6-9]|2\d|3[01])|192\.168)(\.\d{1,3}){2}\b/g, '<address>')
      // Locally administered: nobody asked for it. The Engine's are random, ours follow the address.
      .replace(/\b[0-9a-f][26ae](:[0-9a-f]{2}){5}\b/g, '<mac>')
      // The Engine lists several problems of one request in lines, ours are one line.
      .replace(/\s*\n\s*/g, ' ')
      .replace(/\b\d+ (milli)?seconds?\b|Less than a second/g, '<while>')
  );
}

function differences(engine: unknown, ours: unknown, at: string): Omit<Difference, 'call'>[] {
  if (isObject(engine) && isObject(ours)) {
    const names = [...new Set([...Object.keys(engine), ...Object.keys(ours)])];
    return names.flatMap((name) => differences(engine[name], ours[name], at ? `${at}.${name}` : name));
  }
  if (Array.isArray(engine) && Array.isArray(ours) && engine.length === ours.length) {
    return engine.flatMap((item, index) => differences(item, ours[index], `${at}[${index}]`));
  }
  return JSON.stringify(engine) === JSON.stringify(ours) ? [] : [{ at: at || 'body', engine, ours }];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
