import { readFileSync } from 'node:fs';
import { CommandError } from './programs.ts';

export interface User {
  /** Absent: as the daemon. */
  readonly uid?: number;
  readonly gid?: number;
  readonly home: string;
}

/**
 * `USER[:GROUP]`, each a name or a number, by the host's own files; empty: the daemon's user.
 * Supplementary groups are not taken on.
 * @throws CommandError
 */
export function parseUser(text: string): User {
  if (text === '') return { home: homeOf(process.getuid?.() ?? 0) };
  const [userText = '', groupText] = text.split(':', 2);
  const user = findUser(userText);
  const gid = groupText === undefined || groupText === '' ? user.gid : findGroup(groupText);
  return { uid: user.uid, gid, home: user.home };
}

function findUser(text: string): { uid: number; gid: number; home: string } {
  const entries = passwd();
  const entry = entries.find((fields) => fields[0] === text) ?? entries.find((fields) => fields[2] === text);
  if (entry) return { uid: Number(entry[2]), gid: Number(entry[3]), home: entry[5] || '/' };
  if (/^\d{1,9}$/.test(text)) return { uid: Number(text), gid: 0, home: '/' };
  throw new CommandError(`unable to find user ${text}: no matching entries in passwd file`, 126);
}

function findGroup(text: string): number {
  const entry = fieldsOf('/etc/group').find((fields) => fields[0] === text);
  if (entry) return Number(entry[2]);
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new CommandError(`unable to find group ${text}: no matching entries in group file`, 126);
}

function homeOf(uid: number): string {
  return passwd().find((fields) => fields[2] === String(uid))?.[5] ?? '/';
}

function passwd(): string[][] {
  return fieldsOf('/etc/passwd');
}

function fieldsOf(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
}
