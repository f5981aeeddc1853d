import { readFileSync } from 'node:fs';
import { CommandError } from './programs.ts';

export interface User {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary ones. */
  readonly groups: readonly number[];
  readonly home: string;
}

/**
 * `USER[:GROUP]`, each a name or a number, by the host's own files; empty: root. As the Engine: where no group is
 * named the user has all that /etc/group gives him. `further`: names or numbers (`--group-add`).
 * @throws CommandError
 */
export function parseUser(text: string, further: readonly string[] = []): User {
  const [userText = '', groupText = ''] = text.split(':', 2);
  const { name, ...user } = findUser(userText || '0');
  const own = groupText === '' ? groupsOf(name) : [];
  return {
    ...user,
    gid: groupText === '' ? user.gid : findGroup(groupText),
    groups: [...new Set([...own, ...further.map(findFurtherGroup)])],
  };
}

function findUser(text: string): { name: string; uid: number; gid: number; home: string } {
  const entries = fieldsOf('/etc/passwd');
  const entry = entries.find((fields) => fields[0] === text) ?? entries.find((fields) => fields[2] === text);
  if (entry) {
    return { name: entry[0] ?? '', uid: Number(entry[2]), gid: Number(entry[3]), home: entry[5] || '/' };
  }
  if (isNumber(text)) return { name: '', uid: Number(text), gid: 0, home: '/' };
  throw new CommandError(`unable to find user ${text}: no matching entries in passwd file`, 126);
}

function groupsOf(user: string): readonly number[] {
  const mine = groups().filter((fields) => user !== '' && (fields[3] ?? '').split(',').includes(user));
  return mine.map((fields) => Number(fields[2]));
}

function findGroup(text: string): number {
  const found = groupNumber(text);
  if (found !== undefined) return found;
  throw new CommandError(`unable to find group ${text}: no matching entries in group file`, 126);
}

function findFurtherGroup(text: string): number {
  const found = groupNumber(text);
  if (found !== undefined) return found;
  throw new CommandError(`Unable to find group ${text}`, 126);
}

function groupNumber(text: string): number | undefined {
  const entry = groups().find((fields) => fields[0] === text);
  if (entry) return Number(entry[2]);
  return isNumber(text) ? Number(text) : undefined;
}

function isNumber(text: string): boolean {
  return /^\d{1,9}$/.test(text);
}

function groups(): string[][] {
  return fieldsOf('/etc/group');
}

function fieldsOf(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
}
