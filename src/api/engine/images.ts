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

  app.get('/images/json', async () => []);
  app.get<Any>('/images/*', async (request) => {
    const path = request.params['*'];
    if (!path.endsWith('/json')) throw notSupported(`GET /images/${path}`);
    const ref = path.slice(0, -'/json'.length);
    const [name, created] = [...known()].find(([name]) => isImage(ref, name)) ?? [];
    if (name === undefined) throw new FairleadError('not-found', `No such image: ${ref}`);
    return imageShape(name, created ?? timestamp(0));
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
