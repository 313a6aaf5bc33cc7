// check.mjs BUILT... : what k8s/ is made into, overlay by overlay. Environment: MODULES (node_modules),
// TREE, PROGRAMS (build/services), PLUGINS, WORK (a folder), VERSION, OVERLAYS ("NAME=FILE ...").
import fs from 'node:fs';
import { createRequire } from 'node:module';
import * as config from './config.mjs';
import { allowed, expected, partings, reaches } from './map.mjs';
import * as resources from './resources.mjs';
import { faultsOf, nameOf } from './schema.mjs';

const { MODULES, TREE, PROGRAMS, PLUGINS, WORK, VERSION, OVERLAYS } = process.env;
const YAML = createRequire(`${MODULES}/`)('yaml');
const topics = fs.readFileSync(`${TREE}/docs/topics.md`, 'utf8');

// What each overlay is meant to be.
const MEANT = {
  staging: { mt5demo: true, redis: 'inside', bots: false },
  production: { mt5demo: false, redis: '198.51.100.0/28', terminal: '203.0.113.10/32', bots: true },
};

let count = 0;
let failed = false;

function ok(what, faults) {
  count += 1;
  if (!faults.length) console.log(`ok ${count} - ${what}`);
  else {
    failed = true;
    console.log(`FAIL ${what}`);
    faults.forEach((fault) => console.log(`    ${fault}`));
  }
}

function read(file) {
  const parsed = YAML.parseAllDocuments(fs.readFileSync(file, 'utf8'));
  const faults = parsed.flatMap((document) => [...document.errors, ...document.warnings]);
  if (faults.length) throw faults[0];
  return parsed.map((document) => document.toJS()).filter(Boolean);
}

// kustomize breaks base64 into lines, which the API takes and the schema's format does not.
function unbroken(resource) {
  if (resource.kind === 'Secret')
    for (const key of Object.keys(resource.data ?? {})) resource.data[key] = resource.data[key].replace(/\s/g, '');
  return resource;
}

function schemaFaults(all) {
  return all.flatMap((resource) => faultsOf(MODULES, resource));
}

/* ---- a change that must be noticed ---- */

function caught(overlay, what, change, faultsIn) {
  const all = structuredClone(overlay.all);
  change(all);
  const faults = faultsIn(all);
  ok(`${overlay.name}: noticed: ${what}`, faults.length ? [] : ['nothing was said']);
}

const named = (all, kind, name) => {
  const found = resources.find(all, kind, name);
  if (!found) throw new Error(`there is no ${kind}/${name}`);
  return found;
};

function canaries(overlay) {
  const map = (all) => partings(all, expected(topics, MEANT[overlay.name]));
  const policy = (all, name) => named(all, 'NetworkPolicy', name).spec;
  const executor = (all) => named(all, 'Deployment', 'order-executor').spec.template.spec;
  const into = (list, name) => list.from[0].podSelector.matchExpressions[0].values.push(name);

  caught(overlay, 'an unknown field', (all) => { executor(all).containers[0].imagePolicy = 'x'; }, schemaFaults);
  caught(overlay, 'an unknown field deep down', (all) => {
    executor(all).volumes[0].projected.sources[0].secret.secretName = 'x';
  }, schemaFaults);
  caught(overlay, 'the shadow is given a user of Redis', (all) => {
    named(all, 'StatefulSet', 'strategy-v3-shadow').spec.template.metadata.labels['umbra/store'] = 'redis';
  }, map);
  caught(overlay, 'a number where a text belongs', (all) => {
    executor(all).containers[0].env = [{ name: 'A', value: 1 }];
  }, schemaFaults);
  caught(overlay, 'a kind the API does not have', (all) => { all[0].kind = 'Umbra'; }, schemaFaults);

  caught(overlay, 'the shadow is let in by strategy-v3, and may go there', (all) => {
    into(policy(all, 'strategy-v3').ingress[0], 'strategy-v3-shadow');
    policy(all, 'strategy-v3-shadow').egress[0].to[0].podSelector.matchExpressions[0].values.push('strategy-v3');
  }, map);
  caught(overlay, 'the shadow may go anywhere', (all) => { policy(all, 'strategy-v3-shadow').egress.push({}); }, map);
  caught(overlay, 'order-executor lets everybody of the namespace in', (all) => {
    policy(all, 'order-executor').ingress.push({ from: [{ podSelector: {} }] });
  }, map);
  caught(overlay, 'nothing is denied by default', (all) => {
    all.splice(all.indexOf(named(all, 'NetworkPolicy', 'default-deny')), 1);
  }, map);
  caught(overlay, 'a rule without ports', (all) => { delete policy(all, 'health').ingress[0].ports; }, map);
  caught(overlay, 'a port that nobody comes in by', (all) => {
    policy(all, 'alert-ingest').ingress[0].ports.pop();
  }, map);
  caught(overlay, 'a reader is forgotten', (all) => {
    policy(all, 'strategy-v3').ingress[0].from[0].podSelector.matchExpressions[0].values.shift();
  }, map);
  caught(overlay, 'all namespaces are let in', (all) => {
    policy(all, 'health').ingress[1].from[0].namespaceSelector = {};
  }, map);
  caught(overlay, 'a bot may go anywhere in the world', (all) => {
    policy(all, 'telegram').egress[0].to.push({ ipBlock: { cidr: '0.0.0.0/0' } });
  }, map);
  caught(overlay, 'a pod loses the label that policies know it by', (all) => {
    named(all, 'Deployment', 'strategy-v3').spec.template.metadata.labels['app.kubernetes.io/name'] = 'strategy';
  }, map);

  caught(overlay, 'a secret that nobody makes', (all) => {
    executor(all).volumes[1].secret.items.push({ key: 'other', path: 'other' });
  }, resources.nameFaults);
  caught(overlay, 'a Service for a port that is not there', (all) => {
    named(all, 'Service', 'health').spec.ports[0].port = 5600;
  }, resources.serviceFaults);
  caught(overlay, 'a container that may write its root', (all) => {
    executor(all).containers[0].securityContext.readOnlyRootFilesystem = false;
  }, resources.podStandardFaults);
  caught(overlay, 'a backup that goes with its pod', (all) => {
    const { volumes } = executor(all);
    volumes[volumes.findIndex((volume) => volume.name === 'backup')] = { name: 'backup', emptyDir: {} };
  }, resources.keptFaults);
  caught(overlay, 'the newest image, whichever that is', (all) => {
    executor(all).containers[0].image = 'umbra/order-executor:latest';
  }, (all) => [...resources.podStandardFaults(all), ...resources.runFaults(all, VERSION)]);
  caught(overlay, 'two order-executors during an update', (all) => {
    named(all, 'Deployment', 'order-executor').spec.strategy.type = 'RollingUpdate';
  }, (all) => resources.runFaults(all, VERSION));
}

/* ---- the shadow, and who holds what ---- */

function shadowFaults(overlay) {
  const may = new Set(reaches(allowed(overlay.all), 'strategy-v3-shadow'));
  const faults = [...may].filter((to) => /^(order-executor|strategy-v3|mt5-demo|redis|198\.51\.100\.0\/28):/.test(to));
  return faults.map((to) => `the shadow reaches ${to}`);
}

// Every secret is one pod's own: its key, its user of Redis. Certificates' other halves are for all.
function secretFaults(overlay) {
  const faults = [];
  const holders = new Map();
  for (const workload of resources.workloads(overlay.all))
    for (const { kind, name } of resources.sourcesOf(workload))
      if (kind === 'Secret') holders.set(name, (holders.get(name) ?? new Set()).add(workload.metadata.name));
  for (const [name, pods] of holders)
    if (pods.size > 1) faults.push(`Secret ${name} is handed to ${[...pods].join(', ')}`);
  for (const secret of overlay.all.filter((r) => r.kind === 'Secret'))
    if (!holders.has(secret.metadata.name)) faults.push(`${nameOf(secret)} is nobody's`);
  const passwords = overlay.all.filter((r) => r.kind === 'Secret' && r.data['redis.password'])
    .map((r) => r.data['redis.password']);
  if (new Set(passwords).size !== passwords.length || passwords.length !== 8) faults.push('a password of Redis is shared');
  return faults;
}

/* ---- images ---- */

function imageFaults(overlay) {
  const stages = [...fs.readFileSync(`${TREE}/docker/Dockerfile`, 'utf8').matchAll(/^FROM .* AS ([a-z0-9-]+)$/gm)].map((match) => match[1]);
  return resources.workloads(overlay.all).flatMap((w) => resources.containersOf(w).map((c) => c.image))
    .map((image) => /^(?:.*\/)?umbra\/([a-z0-9-]+):/.exec(image)?.[1] ?? image)
    .filter((stage) => !stages.includes(stage)).map((stage) => `docker/Dockerfile makes no ${stage}`);
}

/* ---- configuration ---- */

const PROGRAM = /^\/usr\/bin\/((?:alert|strategy|order|telegram|mt5)-[a-z0-9-]+|health)$/;

function portOf(address) {
  return Number(/:(\d+)$/.exec(address ?? '')?.[1]);
}

// What the program binds is what its container says it does.
function listenFaults(name, settings, container) {
  const ports = Object.fromEntries((container.ports ?? []).map((port) => [port.name, port.containerPort]));
  const own = { http: settings[`${name}.listen`] ?? settings[`${name}.probe_listen`],
    pub: settings[`endpoint.${name}.bind_pub`], replay: settings[`endpoint.${name}.bind_replay`] };
  if (name === 'order-executor' && ports.broker) own.broker = settings['order-executor.broker_listen'];
  if (name === 'mt5-demo') return [];
  return Object.entries(own).filter(([key, at]) => portOf(at) !== ports[key] || !/^(tcp:\/\/)?0\.0\.0\.0:/.test(at))
    .map(([key, at]) => `${name} listens for ${key} at ${at}, the container says ${ports[key]}`);
}

// Readers connect to a name and port that the overlay has, one for each replica.
function endpointFaults(overlay, settings) {
  const faults = [];
  for (const [key, value] of Object.entries(settings)) {
    const [, service, which] = /^endpoint\.(.*)\.(pub|replay)$/.exec(key) ?? [];
    if (!service) continue;
    const workload = resources.workloads(overlay.all).find((w) => w.metadata.name === service);
    const hosts = service === 'alert-ingest'
      ? Array.from({ length: workload.spec.replicas }, (_, n) => `${service}-${n}.${service}`) : [service];
    const should = hosts.map((host) => `tcp://${host}:${which === 'pub' ? 5601 : 5602}`).join(' ');
    if (value !== should) faults.push(`${key} is ${value}, not ${should}`);
  }
  return faults;
}

function clientFaults(overlay, settings) {
  const faults = [];
  for (const [key, service] of [['health.listen', 'health'], ['alert-ingest.listen', 'alert-ingest-webhook'],
    ['redis.host', 'redis']]) {
    if (settings[key] === undefined || /^0\.0\.0\.0:/.test(settings[key])) continue;
    if (key === 'redis.host' && settings['bus.store'] !== 'redis') continue;
    const at = key === 'redis.host' ? `${settings[key]}:${settings['redis.port']}` : settings[key];
    const [host, port] = at.split(':');
    const spec = resources.find(overlay.all, 'Service', host)?.spec;
    if (host !== service || !spec) faults.push(`${key}: there is no Service ${host}`);
    else if (!spec.externalName && !spec.ports.some((one) => one.port === Number(port)))
      faults.push(`${key}: ${host} has no port ${port}`);
  }
  return faults;
}

function configFaults(overlay) {
  const faults = [];
  let asked = 0;
  for (const workload of resources.workloads(overlay.all))
    for (const container of resources.containersOf(workload)) {
      const name = PROGRAM.exec(container.command?.[0] ?? '')?.[1];
      if (!name) continue;
      asked += 1;
      const options = (verb) => ({ root: `${WORK}/${overlay.name}/${workload.metadata.name}${verb}`,
        program: `${PROGRAMS}/${name}/${name}`, plugins: PLUGINS, verb });
      const check = config.ask(overlay.all, workload, container, options('--check-config'));
      if (check.status !== 0) {
        faults.push(`${nameOf(workload)}: ended with ${check.status ?? check.signal}: ${(check.error + check.text).trim()}`);
        continue;
      }
      const settings = config.settingsOf(config.ask(overlay.all, workload, container, options('--print-config')).text);
      const inRedis = settings['bus.store'] === 'redis';
      if (name !== 'mt5-demo' && inRedis !== (name !== 'strategy-v3-shadow'))
        faults.push(`${name} has its store in ${settings['bus.store']}`);
      faults.push(...listenFaults(name, settings, container), ...endpointFaults(overlay, settings),
        ...clientFaults(overlay, settings));
    }
  if (asked < 8) faults.push(`only ${asked} programs were asked`);
  return faults;
}

// A key that others may read is refused at the start; and each pod has its own key and no other.
function keyFaults(overlay) {
  const faults = [];
  for (const workload of resources.workloads(overlay.all)) {
    const container = resources.podOf(workload).containers[0];
    const files = config.layOut(overlay.all, workload, container, `${WORK}/keys/${overlay.name}/${workload.metadata.name}`);
    const secret = files.filter(([at]) => at.endsWith('.cert_secret'));
    for (const [at, mode] of files)
      if (/secret\/|\.cert_secret$|\.token$|tls\.key$/.test(at) && mode & 0o037) faults.push(`${nameOf(workload)}: ${at} is open to others`);
    const name = workload.metadata.name;
    if (!['redis', 'redis-functions'].includes(name) && secret.map(([at]) => at).join() !== `/etc/umbra/keys/${name}.cert_secret`)
      faults.push(`${nameOf(workload)}: has not exactly its own key`);
  }
  return faults;
}

/* ---- all of it ---- */

for (const [name, file] of OVERLAYS.split(' ').map((word) => word.split('='))) {
  const overlay = { name, all: read(file).map(unbroken) };
  const meant = MEANT[name];
  ok(`${name}: ${overlay.all.length} resources, each as the API's schemas have it, no unknown field`, schemaFaults(overlay.all));
  ok(`${name}: what one names, another is`, resources.nameFaults(overlay.all));
  ok(`${name}: Services, ports and budgets fit the pods`, resources.serviceFaults(overlay.all));
  ok(`${name}: every pod meets the restricted standard`, resources.podStandardFaults(overlay.all));
  ok(`${name}: replicas, updates, versions, one scrape`, resources.runFaults(overlay.all, VERSION));
  ok(`${name}: backups and ledgers outlive their pods`, resources.keptFaults(overlay.all));
  ok(`${name}: images that docker/ makes`, imageFaults(overlay));
  ok(`${name}: the open connections are those of the map`, partings(overlay.all, expected(topics, meant)));
  ok(`${name}: the shadow reaches neither orders, nor a broker, nor Redis`, shadowFaults(overlay));
  ok(`${name}: each pod holds its own secrets and no other's`, secretFaults(overlay));
  ok(`${name}: keys are where the programs look, and closed`, keyFaults(overlay));
  ok(`${name}: every program takes the configuration it is given, and binds what its container says`, configFaults(overlay));
  ok(`${name}: mt5-demo is there for rehearsals alone`,
    !!resources.workloads(overlay.all).find((w) => w.metadata.name === 'mt5-demo') === meant.mt5demo ? [] : ['it is not so']);
  canaries(overlay);
}
process.exit(failed ? 1 : 0);
