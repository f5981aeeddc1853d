/**
 * Options of Fastify for routes without schemas, which ours are: bodies are read by who knows what they must be
 * (body.ts). Without them each start loads compilers for schemas (ajv), which takes it as long as loading zod.
 */
export const withoutSchemas = {
  schemaController: { compilersFactory: { buildValidator: refuse, buildSerializer: refuse } },
};

function refuse(): never {
  throw new Error('there is nothing to compile a schema with');
}
