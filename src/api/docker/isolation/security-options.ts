import { FairleadError } from '../../../lib/errors.ts';
import { parseBool } from '../../../lib/go-bool.ts';
import { refusal } from './host-options.ts';

/** Values that ask for less than there could be, and so for what there is. */
const nothing: Readonly<Record<string, readonly string[]>> = {
  seccomp: ['unconfined'],
  apparmor: ['unconfined'],
  label: ['disable'],
};
const whyNot: Readonly<Record<string, string>> = {
  seccomp: 'system calls are not filtered, so no profile can be kept to; unconfined is what there is',
  apparmor: 'no AppArmor profile is loaded for containers; unconfined is what there is',
  label: 'containers are not labelled for SELinux; disable is what there is',
  'writable-cgroups': 'a container sees control groups read-only',
  'credential-spec': 'it is for Windows',
};

/** `--security-opt`. @returns whether programs may gain no privileges @throws invalid in the Engine's words | unsupported */
export function parseSecurityOptions(options: readonly string[]): boolean {
  return options.map(parseOption).includes(true);
}

function parseOption(text: string): boolean {
  if (text === 'no-new-privileges') return true;
  const [, key = '', value = ''] = /^([^=:]+)[=:](.*)$/s.exec(text) ?? [];
  if (key === '') throw new FairleadError('invalid', `invalid --security-opt 1: ${JSON.stringify(text)}`);
  if (key === 'no-new-privileges') return parseFlag(text, value);
  if (nothing[key]?.includes(value)) return false;
  const why = whyNot[key];
  if (why === undefined)
    throw new FairleadError('invalid', `invalid --security-opt 2: ${JSON.stringify(text)}`);
  // A profile is sent as a whole file.
  throw refusal(`--security-opt ${key}=${value.length > 60 ? '…' : value}`, why);
}

function parseFlag(text: string, value: string): boolean {
  const flag = parseBool(value);
  if (flag !== undefined) return flag;
  throw new FairleadError('invalid', `invalid --security-opt 2: ${JSON.stringify(text)}`);
}
