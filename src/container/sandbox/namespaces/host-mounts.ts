import { readFileSync } from 'node:fs';

/** A file system of the host that can be reached by its path. */
export interface HostMount {
  readonly target: string;
  readonly type: string;
  /** `ro`, `nodev`, … */
  readonly flags: readonly string[];
}

interface Entry extends HostMount {
  readonly id: string;
  readonly parent: string;
}

let last: { readonly table: string; readonly mounts: readonly HostMount[] } | undefined;

/** Asked for with each start, and seldom another answer. */
export function hostMounts(table = mountTable()): readonly HostMount[] {
  if (last?.table !== table) last = { table, mounts: visibleMounts(table) };
  return last.mounts;
}

/** Of this process, without network namespaces, one of which comes with each container (proc_pid_mountinfo(5)). */
export function mountTable(): string {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter((line) => !line.includes(' - nsfs ')).join('\n');
}

/**
 * Of a table, those that no other covers: that has its place or one above it, and they do not hang on it.
 */
export function visibleMounts(mountinfo: string): readonly HostMount[] {
  const entries = mountinfo.split('\n').flatMap(parseLine);
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const carriers = new Map(entries.map((entry) => [entry.id, carriersOf(entry, byId)]));
  return entries.filter((entry) => {
    const isCover = (other: Entry) =>
      !carriers.get(entry.id)?.has(other.id) && isAtOrBelow(entry.target, other.target);
    return !entries.some(isCover);
  });
}

/** Whether `path` is `folder`, or in it. */
export function isAtOrBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

/** Of the kernel's own; each container has those anew. */
export function isKernels({ target }: Pick<HostMount, 'target'>): boolean {
  return ['/proc', '/sys', '/dev'].some((folder) => isAtOrBelow(target, folder));
}

/** Itself, what it is mounted on, and so on. */
function carriersOf(entry: Entry, byId: ReadonlyMap<string, Entry>): ReadonlySet<string> {
  const ids = new Set<string>();
  for (let at: Entry | undefined = entry; at && !ids.has(at.id); at = byId.get(at.parent)) ids.add(at.id);
  return ids;
}

function parseLine(line: string): Entry[] {
  const [before = '', after = ''] = line.split(' - ');
  const [id = '', parent = '', , , target = '', flags = ''] = before.split(' ');
  const [type = ''] = after.split(' ');
  if (target === '') return [];
  const unescaped = target.replaceAll(/\\([0-7]{3})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 8)),
  );
  return [{ id, parent, target: unescaped, type, flags: flags.split(',') }];
}
