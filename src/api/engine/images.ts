import type { FastifyInstance } from 'fastify';
import { FairleadError } from '../../lib/errors.ts';
import { timestamp } from '../../lib/time.ts';
import type { Containers } from '../../network/model.ts';
import { queryOf } from '../query.ts';
import { imageId, normalName } from './image-name.ts';

type Any = { Params: { '*': string } };

/** Names that a client pulled are remembered so that its next inspect finds them; the oldest are forgotten. */
const maxPulled = 1000;

/** An image is only a name: one exists when it was pulled or a container uses it. */
export function imageRoutes(app: FastifyInstance, containers: Containers): void {
  const pulled = new Map<string, string>();
  const known = () =>
    new Map([
      ...pulled,
      ...containers.list().map(({ spec, created }) => [normalName(spec.image), created] as const),
    ]);

  const find = (ref: string): readonly [name: string, created: string] => {
    const found = [...known()].find(([name]) => isImage(ref, name));
    if (!found) throw new FairleadError('not-found', `No such image: ${withTag(ref)}`);
    return found;
  };

  app.get('/images/json', async () => [...known()].map(([name, created]) => listed(name, created)));
  app.get<Any>('/images/*', async (request) => {
    const path = request.params['*'];
    const [ref, what] = path.split(/\/(json|history|get)$/);
    const [name, created] = find(ref ?? path);
    if (what !== 'json') throw notSupported(`GET /images/${path}`);
    return imageShape(name, created);
  });
  app.post<Any>('/images/*', async (request) => {
    find(request.params['*'].replace(/\/(tag|push)$/, ''));
    throw notSupported(`POST /images/${request.params['*']}`);
  });
  app.delete<Any>('/images/*', async (request) => {
    const [name] = find(request.params['*']);
    if (!pulled.delete(name) || known().has(name)) {
      throw new FairleadError(
        'conflict',
        `conflict: unable to remove repository reference "${name}" (must force) - a container is using it`,
      );
    }
    return [{ Untagged: name }, { Deleted: imageId(name) }];
  });
  app.post('/images/create', async (request, reply) => {
    const name = pulledName(queryOf(request));
    pulled.set(name, timestamp());
    if (pulled.size > maxPulled) pulled.delete([...pulled.keys()][0] ?? name);
    const lines = [
      { status: `Pulling from ${name}` },
      { status: `Digest: ${imageId(name)}` },
      { status: `Status: Image is up to date for ${name}` },
    ];
    return reply.type('application/json').send(lines.map((line) => `${JSON.stringify(line)}\r\n`).join(''));
  });
}

function isImage(ref: string, name: string): boolean {
  const id = imageId(name);
  return (
    normalName(ref) === name || id === ref || (/^[0-9a-f]{4,}$/.test(ref) && id.startsWith(`sha256:${ref}`))
  );
}

function pulledName(query: URLSearchParams): string {
  const image = query.get('fromImage') ?? '';
  const tag = query.get('tag') ?? '';
  if (image === '') throw notSupported('POST /images/create without fromImage');
  if (tag.startsWith('sha256:')) return normalName(`${image}@${tag}`);
  return normalName(tag ? `${image}:${tag}` : image);
}

function notSupported(what: string): FairleadError {
  return new FairleadError('unsupported', `${what} is not supported by Fairlead: an image is only a name`);
}

/** As the Engine shows it where an image was looked for: with the tag that it means. */
function withTag(ref: string): string {
  return /[:@]/.test(ref.slice(ref.lastIndexOf('/') + 1)) ? ref : `${ref}:latest`;
}

function listed(name: string, created: string): Record<string, unknown> {
  return {
    Containers: -1,
    Created: Math.floor(Date.parse(created) / 1000),
    Id: imageId(name),
    Labels: null,
    ParentId: '',
    RepoDigests: null,
    RepoTags: name.includes('@') ? [] : [name],
    SharedSize: -1,
    Size: 0,
    VirtualSize: 0,
  };
}

function imageShape(name: string, created: string): Record<string, unknown> {
  return {
    Id: imageId(name),
    RepoTags: name.includes('@') ? [] : [name],
    RepoDigests: [],
    Parent: '',
    Comment: 'an image is only a name for Fairlead',
    Created: created,
    DockerVersion: '',
    Author: '',
    Config: { User: '', Env: null, Cmd: null, Volumes: null, WorkingDir: '', Entrypoint: null, Labels: null },
    Architecture: 'amd64',
    Os: 'linux',
    Size: 0,
    GraphDriver: { Name: 'fairlead', Data: null },
    RootFS: { Type: 'layers', Layers: [] },
    Metadata: { LastTagTime: created },
  };
}
