// Resources against the schemas of the Kubernetes API, as kubernetes-models carries them. Those allow
// fields that they do not know; the API server in its strict mode does not. So the validators are handed
// an object that notes which of its fields they look at: one they never ask for is unknown.
import { createRequire } from 'node:module';

function watched(value, path, objects) {
  if (value === null || typeof value !== 'object') return value;
  const seen = new Set();
  const children = new Map();
  if (!Array.isArray(value)) objects.push({ value, path, seen });
  return new Proxy(value, {
    get(target, key) {
      if (typeof key !== 'string' || !Object.hasOwn(target, key)) return target[key];
      seen.add(key);
      if (!children.has(key)) children.set(key, watched(target[key], `${path}/${key}`, objects));
      return children.get(key);
    },
  });
}

export function nameOf(resource) {
  return `${resource.kind}/${resource.metadata?.name}`;
}

function modelOf(modules, { apiVersion, kind }) {
  try {
    return createRequire(`${modules}/`)(`kubernetes-models/${apiVersion}/${kind}`)[kind];
  } catch {
    return undefined;
  }
}

/** What is wrong with RESOURCE, one line each. */
export function faultsOf(modules, resource) {
  const Model = modelOf(modules, resource);
  if (!Model) return [`${nameOf(resource)}: the API has no ${resource.apiVersion} ${resource.kind}`];
  const objects = [];
  const faults = [];
  try {
    Model.prototype.validate.call(watched(resource, '', objects));
  } catch (error) {
    faults.push(`${nameOf(resource)}: ${error.message}`);
  }
  for (const { value, path, seen } of objects)
    for (const key of Object.keys(value))
      if (!seen.has(key)) faults.push(`${nameOf(resource)}: ${path}/${key}: unknown field`);
  return faults;
}
