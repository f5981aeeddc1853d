import { readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import * as z from 'zod';

const object = z.record(z.string(), z.unknown());
const contentSchema = z
  .record(z.string(), z.looseObject({ schema: z.unknown(), 'x-stream': z.string().optional() }))
  .default({});
const bodySchema = z.looseObject({ content: contentSchema });
const operationSchema = z.looseObject({
  tags: z.array(z.string()),
  operationId: z.string(),
  parameters: z.array(z.unknown()).default([]),
  requestBody: z.unknown().optional(),
  responses: z.record(z.string(), z.unknown()),
});
const documentSchema = z.looseObject({
  info: z.looseObject({ version: z.string() }),
  components: z.record(z.string(), z.record(z.string(), z.unknown())),
  paths: z.record(
    z.string(),
    z.object({ parameters: z.array(z.unknown()).default([]) }).catchall(operationSchema),
  ),
});

/** Content type → what a body of it is. */
type Content = z.infer<typeof contentSchema>;

export interface Operation {
  readonly id: string;
  /** In capitals. */
  readonly method: string;
  /** As it is written, `{name}` included. */
  readonly path: string;
  readonly tags: readonly string[];
  readonly pathParameters: readonly string[];
  /** Absent: it takes no body. */
  readonly request?: Content;
  /** Status or `default` → what is answered with it. */
  readonly responses: Readonly<Record<string, Content>>;
}

export interface OpenApi {
  readonly text: string;
  /** Of the API. */
  readonly version: string;
  readonly operations: readonly Operation[];
  /** `#/components/KIND/NAME` of all parts. */
  readonly parts: readonly string[];
  /** Why a value does not fit a schema of the description; empty when it does. */
  unfit(schema: unknown, value: unknown): readonly string[];
}

const root = 'openapi';

/** docs/openapi.yaml, in whose schemas an object has no members but those that are described. */
export async function readOpenApi(): Promise<OpenApi> {
  const text = await readFile(new URL('../../docs/openapi.yaml', import.meta.url), 'utf8');
  const document = object.parse(closed(parse(text)));
  const { info, paths, components } = documentSchema.parse(document);
  const ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: true });
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  ajv.addSchema(document, root);
  return {
    text,
    version: info.version,
    parts: Object.entries(components).flatMap(([kind, named]) =>
      Object.keys(named).map((name) => `#/components/${kind}/${name}`),
    ),
    operations: Object.entries(paths).flatMap(([path, { parameters: ofPath, ...operations }]) =>
      Object.entries(operations).map(([method, { parameters, ...operation }]) => ({
        id: operation.operationId,
        method: method.toUpperCase(),
        path,
        tags: operation.tags,
        pathParameters: pathParametersOf(document, [...ofPath, ...parameters]),
        ...(operation.requestBody !== undefined && { request: contentOf(document, operation.requestBody) }),
        responses: Object.fromEntries(
          Object.entries(operation.responses).map(([status, one]) => [status, contentOf(document, one)]),
        ),
      })),
    ),
    unfit(schema, value) {
      const validate = ajv.compile(object.parse(schema));
      if (validate(value)) return [];
      return (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
      );
    },
  };
}

/** Where an answer is not as its operation is described. */
export function problemsOf(
  { unfit }: OpenApi,
  { responses }: Operation,
  answer: { readonly status: number; readonly contentType: string; readonly text: string },
): readonly string[] {
  const described = responses[answer.status] ?? responses.default;
  if (!described) return [`status ${answer.status} is not described: ${answer.text}`];
  const type = answer.contentType.split(';')[0] ?? '';
  if (Object.keys(described).length === 0) return answer.text === '' ? [] : ['no body is described'];
  const body = described[type];
  if (!body) return [`${type} is not described: ${answer.status} ${answer.text}`];
  if (type !== 'application/json' && !body['x-stream']) return unfit(body.schema, answer.text);
  const values = body['x-stream'] ? answer.text.split('\n').filter(Boolean) : [answer.text];
  return values.flatMap((value) => unfit(body.schema, JSON.parse(value.trim().replace('\u001e', ''))));
}

/** Links name the document, so that a schema can be compiled by itself. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [
    name,
    name === '$ref' && typeof member === 'string' ? `${root}${member}` : closed(member),
  ]);
  const isClosed = 'type' in value && value.type === 'object' && 'properties' in value;
  return { ...(isClosed && { additionalProperties: false }), ...Object.fromEntries(members) };
}

function pathParametersOf(document: unknown, parameters: readonly unknown[]): readonly string[] {
  const parameter = z.looseObject({ name: z.string(), in: z.string() });
  return parameters
    .map((one) => parameter.parse(resolve(document, one)))
    .filter((one) => one.in === 'path')
    .map(({ name }) => name);
}

function contentOf(document: unknown, linked: unknown): Content {
  return bodySchema.parse(resolve(document, linked)).content;
}

/** What a `$ref` leads to. @throws when it leads nowhere */
function resolve(document: unknown, value: unknown): unknown {
  const { $ref } = z.looseObject({ $ref: z.string().optional() }).parse(value);
  if ($ref === undefined) return value;
  const steps = $ref.slice(`${root}#/`.length).split('/');
  const found = steps.reduce<unknown>((at, step) => object.parse(at)[step], document);
  if (found === undefined) throw new Error(`${$ref} leads nowhere`);
  return found;
}
