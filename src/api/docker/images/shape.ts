import { type ApiVersion, isBefore } from '../../http/version.ts';
import { imageId } from './image-name.ts';

export interface NamedImage {
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
}

/** A row of GET /images/json. `users`: containers that have it, from 1.51 on. */
export function listedImage(
  { name, created, users }: NamedImage & { readonly users: number },
  version: ApiVersion,
): Record<string, unknown> {
  return {
    Containers: users,
    Created: Math.floor(Date.parse(created) / 1000),
    Id: imageId(name),
    Labels: null,
    ParentId: '',
    RepoDigests: isBefore(version, '1.43') ? null : [],
    RepoTags: name.includes('@') ? [] : [name],
    SharedSize: -1,
    Size: 0,
    ...virtualSize(version),
  };
}

/**
 * GET /images/NAME/json. What each API left out of it is what clients of that time do without, but for docker-compose 1,
 * in Python: it takes the newest API and reads a member that went with 1.45 (KeyError: 'ContainerConfig').
 */
export function imageShape(
  { name, created }: NamedImage,
  version: ApiVersion,
  userAgent = '',
): Record<string, unknown> {
  const Comment = 'an image is only a name for Fairlead';
  return {
    Id: imageId(name),
    RepoTags: name.includes('@') ? [] : [name],
    RepoDigests: [],
    ...(isBefore(version, '1.52') ? { Parent: '', Comment } : { Comment }),
    Created: created,
    ...((isBefore(version, '1.45') || userAgent.startsWith('docker-compose/1.')) && {
      Container: '',
      ContainerConfig: configShape(version),
    }),
    ...(isBefore(version, '1.52') && { DockerVersion: '', Author: '' }),
    Config: configShape(version),
    Architecture: 'amd64',
    Os: 'linux',
    Size: 0,
    ...virtualSize(version),
    GraphDriver: { Name: 'fairlead', Data: null },
    RootFS: { Type: 'layers', Layers: [] },
    Metadata: { LastTagTime: created },
  };
}

function virtualSize(version: ApiVersion): Record<string, unknown> {
  return isBefore(version, '1.44') ? { VirtualSize: 0 } : {};
}

/** All of it is empty; from 1.52 on what is empty is left out. */
function configShape(version: ApiVersion): Record<string, unknown> {
  if (!isBefore(version, '1.52')) return {};
  const image = {
    Cmd: null,
    Entrypoint: null,
    Env: null,
    Labels: null,
    OnBuild: null,
    User: '',
    Volumes: null,
  };
  const config = { ...image, WorkingDir: '' };
  if (!isBefore(version, '1.50')) return config;
  const attach = { AttachStderr: false, AttachStdin: false, AttachStdout: false };
  const input = { OpenStdin: false, StdinOnce: false, Tty: false };
  return { ...config, ...attach, ...input, Domainname: '', Hostname: '', Image: '' };
}
