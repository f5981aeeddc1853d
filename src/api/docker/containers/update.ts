import type { FastifyInstance } from 'fastify';
import type * as z from 'zod';
import type { Container } from '../../../container/container.ts';
import { FairleadError } from '../../../lib/errors.ts';
import { containerEvent } from '../../../network/containers/container-event.ts';
import type { Model } from '../../../network/model.ts';
import { go } from '../../go/json.ts';
import { bodyText, decodeJson, readJson } from '../../http/body.ts';
import { hostOptionWarnings } from '../isolation/host-options.ts';
import { parseRestart, restartPolicy } from './restart-policy.ts';
import { sentHostConfig } from './shape.ts';

/** What an update can change; what it leaves at zero stays. */
const limits = {
  BlkioWeight: go.int(),
  CpuShares: go.int(),
  NanoCpus: go.int(),
  CpuPeriod: go.int(),
  CpuQuota: go.int(),
  CpusetCpus: go.text(),
  CpusetMems: go.text(),
  Memory: go.int(),
  MemorySwap: go.int(),
  MemoryReservation: go.int(),
  CpuRealtimePeriod: go.int(),
  CpuRealtimeRuntime: go.int(),
  PidsLimit: go.int(),
};

const containerUpdate = go.object('container.UpdateConfig', { RestartPolicy: restartPolicy, ...limits });

/**
 * POST /containers/REF/update: the restart policy. Resources are not limited: limits are said to be discarded, and
 * shown by inspect as those of a create are.
 */
export function updateRoute(
  app: FastifyInstance,
  { containers, events }: Pick<Model, 'containers' | 'events'>,
): void {
  app.post<{ Params: { ref: string } }>('/containers/:ref/update', async (request) => {
    const { RestartPolicy, ...given } = readJson(request, containerUpdate, 'container.UpdateConfig');
    const container = containers.find(request.params.ref);
    const changed = Object.fromEntries(Object.entries(given).filter(([, value]) => value));
    refuseConflicts(container, given);
    // The CLI sends the member always: without a name it changes nothing.
    if (RestartPolicy.Name !== '') {
      const { restart } = parseRestart(RestartPolicy, container.spec.autoRemove);
      await containers.setRestart(container.id, restart);
    }
    if (Object.keys(changed).length > 0) await containers.setLimits(container.id, changed);
    events.emit(containerEvent(container, 'update'));
    const warnings = hostOptionWarnings(decodeJson(bodyText(request) || '{}', ''));
    return { Warnings: warnings.length === 0 ? null : warnings };
  });
}

type Limits = Omit<z.infer<typeof containerUpdate>, 'RestartPolicy'>;

/** In the Engine's words: these set the same thing in the kernel. */
const conflicts = [
  ['NanoCpus', 'CpuPeriod', 'Nano CPUs cannot be updated as CPU Period has already been set'],
  ['NanoCpus', 'CpuQuota', 'Nano CPUs cannot be updated as CPU Quota has already been set'],
  ['CpuPeriod', 'NanoCpus', 'CPU Period cannot be updated as NanoCPUs has already been set'],
  ['CpuQuota', 'NanoCpus', 'CPU Quota cannot be updated as NanoCPUs has already been set'],
] as const;

/** @throws conflict */
function refuseConflicts(container: Container, given: Limits): void {
  const before = sentHostConfig(container);
  const had = (name: string) => Number(before[name] ?? 0);
  const clash = conflicts.find(([name, other]) => given[name] > 0 && had(other) > 0);
  const isOverSwap = given.Memory > 0 && given.MemorySwap === 0 && given.Memory > had('MemorySwap');
  const why = clash ? `Conflicting options: ${clash[2]}` : isOverSwap ? overSwap : undefined;
  if (why) throw new FairleadError('conflict', `Cannot update container ${container.id}: ${why}`);
}

const overSwap =
  'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time';
