import type { Container } from '../../../container/container.ts';
import type { Volumes } from '../../../container/volumes.ts';

/** `Mounts` of an inspect: not those of `--tmpfs`, as in the Engine. */
export function mountShapes({ spec }: Container, volumes: Volumes): readonly Record<string, unknown>[] {
  return (spec.isolation?.mounts ?? []).flatMap((mount) => {
    if (mount.kind === 'tmpfs') return [];
    const { kind, source, target, readOnly } = mount;
    const where =
      kind === 'volume'
        ? { Name: source, Source: volumes.pathOf(source), Destination: target, Driver: 'local' }
        : { Source: source, Destination: target };
    const Propagation = kind === 'volume' ? '' : 'rprivate';
    return [{ Type: kind, ...where, Mode: readOnly ? 'ro' : '', RW: !readOnly, Propagation }];
  });
}
