import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { FairleadError } from '../../../lib/errors.ts';
import { queryOf } from '../../http/query.ts';
import { isBefore, versionOf } from '../../http/version.ts';
import { imageId, normalName } from './image-name.ts';
import type { Images } from './image-names.ts';
import { imageShape, listedImage } from './shape.ts';

type Any = { Params: { '*': string } };

/** An image is only a name (image-names.ts). */
export function imageRoutes(app: FastifyInstance, images: Images): void {
  app.get('/images/json', async (request) =>
    [...images.known()].map(([name, created]) => {
      const users = isBefore(versionOf(request), '1.51') ? -1 : images.users(name);
      return listedImage({ name, created, users }, versionOf(request));
    }),
  );
  app.get<Any>('/images/*', async (request) => {
    const path = request.params['*'];
    const [ref, what] = path.split(/\/(json|history|get)$/);
    const [name, created] = images.find(ref ?? path);
    // It has no layers.
    if (what === 'history') return [];
    if (what !== 'json') throw notSupported(`GET /images/${path}`);
    return imageShape({ name, created }, versionOf(request), request.headers['user-agent']);
  });
  app.post<Any>('/images/*', async (request, reply) => {
    const path = request.params['*'];
    images.find(path.replace(/\/(tag|push)$/, ''));
    if (!path.endsWith('/tag')) throw notSupported(`POST /images/${path}`);
    const query = queryOf(request);
    images.pull(taggedName(query.get('repo') ?? '', query.get('tag') ?? ''));
    return reply.code(201).send();
  });
  app.delete<Any>('/images/*', async (request) => {
    const name = images.remove(request.params['*']);
    return [{ Untagged: name }, { Deleted: imageId(name) }];
  });
  app.post('/images/create', async (request, reply) => {
    const name = pulledName(queryOf(request));
    const what = images.pull(name) ? 'Downloaded newer image' : 'Image is up to date';
    const [repository = '', tag = ''] = name.split(/[:@](?=[^/]*$)/);
    const lines = [
      { status: `Pulling from ${withLibrary(repository)}`, id: tag },
      { status: `Digest: ${imageId(name)}` },
      { status: `Status: ${what} for ${name}` },
    ];
    // In chunks, as the Engine's: docker-py takes an answer with a length for one JSON value.
    const text = lines.map((line) => `${JSON.stringify(line)}\r\n`);
    return reply.type('application/json').send(Readable.from(text));
  });
}

/** How Docker Hub calls what has no name before it. */
function withLibrary(repository: string): string {
  return repository.includes('/') ? repository : `library/${repository}`;
}

function pulledName(query: URLSearchParams): string {
  const image = query.get('fromImage') ?? '';
  const tag = query.get('tag') ?? '';
  if (image === '') throw notSupported('POST /images/create without fromImage');
  return taggedName(image, tag);
}

function taggedName(image: string, tag: string): string {
  if (tag.startsWith('sha256:')) return normalName(`${image}@${tag}`);
  return normalName(tag ? `${image}:${tag}` : image);
}

function notSupported(what: string): FairleadError {
  return new FairleadError('unsupported', `${what} is not supported by Fairlead: an image is only a name`);
}
