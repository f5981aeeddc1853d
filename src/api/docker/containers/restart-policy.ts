import * as z from 'zod';
import type { RestartPolicy } from '../../../container/runtime.ts';
import { FairleadError } from '../../../lib/errors.ts';
import { go } from '../../go/json.ts';

export const restartPolicy = go.object('container.RestartPolicy', {
  Name: go.text(),
  MaximumRetryCount: go.int(),
});

const name = z.enum(['always', 'unless-stopped', 'on-failure']);

/** @throws invalid, in the Engine's words */
export function parseRestart(
  { Name, MaximumRetryCount }: z.infer<typeof restartPolicy>,
  autoRemove: boolean,
): { readonly restart?: RestartPolicy } {
  const retries = MaximumRetryCount;
  const parsed = name.safeParse(Name);
  const none = Name === '' || Name === 'no';
  if (!none && !parsed.success)
    throw new FairleadError(
      'invalid',
      `invalid restart policy: unknown policy '${Name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  if (retries !== 0 && Name !== 'on-failure') {
    throw new FairleadError(
      'invalid',
      "invalid restart policy: maximum retry count can only be used with 'on-failure'",
    );
  }
  if (retries < 0)
    throw new FairleadError('invalid', 'invalid restart policy: maximum retry count cannot be negative');
  if (!parsed.success) return {};
  if (autoRemove) {
    throw new FairleadError('invalid', "can't create 'AutoRemove' container with restart policy");
  }
  return { restart: { name: parsed.data, maximumRetries: retries } };
}
