// What each container is given, laid out as the kubelet would, below a folder of its own: then its
// program is asked whether it can live with that.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { find, podOf } from './resources.mjs';

function contentOf(resource, key) {
  if (resource.kind === 'Secret' && resource.data?.[key] !== undefined) return Buffer.from(resource.data[key], 'base64');
  return Buffer.from((resource.data ?? resource.stringData)[key]);
}

function put(file, content, mode) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content, { mode });
  fs.chmodSync(file, mode);
}

// The files of one volume: [name below it, content].
function filesOf(resources, volume) {
  const parts = volume.projected?.sources ?? [volume];
  const files = [];
  for (const part of parts) {
    const reference = part.secret ?? part.configMap;
    if (!reference) continue;
    const source = find(resources, part.secret ? 'Secret' : 'ConfigMap', reference.secretName ?? reference.name);
    const items = reference.items ?? Object.keys(source.data).map((key) => ({ key, path: key }));
    for (const item of items) files.push([item.path, contentOf(source, item.key)]);
  }
  return files;
}

function modeOf(volume) {
  return (volume.projected ?? volume.secret ?? volume.configMap)?.defaultMode ?? 0o644;
}

/** Lays out what CONTAINER mounts below ROOT: [path in the container, mode] of each file. */
export function layOut(resources, workload, container, root) {
  const files = [];
  for (const mount of container.volumeMounts ?? []) {
    const volume = (podOf(workload).volumes ?? []).find((v) => v.name === mount.name);
    if (!volume || volume.emptyDir || volume.persistentVolumeClaim) {
      fs.mkdirSync(root + mount.mountPath, { recursive: true });
      continue;
    }
    for (const [name, content] of filesOf(resources, volume)) {
      if (mount.subPath && mount.subPath !== name) continue;
      const at = mount.subPath ? mount.mountPath : `${mount.mountPath}/${name}`;
      put(root + at, content, modeOf(volume));
      files.push([at, modeOf(volume)]);
    }
  }
  return files;
}

export function environmentOf(resources, container) {
  const environment = {};
  for (const { configMapRef } of container.envFrom ?? [])
    Object.assign(environment, find(resources, 'ConfigMap', configMapRef.name).data);
  for (const { name, value, valueFrom } of container.env ?? []) {
    const reference = valueFrom?.configMapKeyRef;
    environment[name] = reference ? find(resources, 'ConfigMap', reference.name).data[reference.key] : value;
  }
  return environment;
}

// Absolute paths of the container, as they are found here.
function moved(text, root, plugins) {
  return text.replaceAll('/etc/umbra/', `${root}/etc/umbra/`)
    .replaceAll('/var/lib/umbra', `${root}/var/lib/umbra`)
    .replaceAll('/usr/lib/umbra/plugins', plugins);
}

/** Runs PROGRAM --check-config or --print-config with what CONTAINER is given: { status, text }. */
export function ask(resources, workload, container, { root, program, plugins, verb }) {
  layOut(resources, workload, container, root);
  const ini = `${root}/etc/umbra/umbra.ini`;
  fs.chmodSync(ini, 0o644);
  fs.writeFileSync(ini, moved(fs.readFileSync(ini, 'utf8'), root, plugins));
  const environment = Object.fromEntries(Object.entries(environmentOf(resources, container))
    .map(([name, value]) => [name, moved(value, root, plugins)]));
  const run = spawnSync(program, ['--config', ini, verb], { encoding: 'utf8', timeout: 60000,
    env: { ...environment, PATH: process.env.PATH,
      ASAN_OPTIONS: process.env.ASAN_OPTIONS ?? '', UBSAN_OPTIONS: process.env.UBSAN_OPTIONS ?? '' } });
  return { status: run.status, signal: run.signal, text: run.stdout, error: run.stderr };
}

/** "[section]" and "key = value" of what --print-config prints. */
export function settingsOf(text) {
  const settings = {};
  let section = '';
  for (const line of text.split('\n')) {
    const head = /^\[(.*)\]$/.exec(line), entry = /^([^ ]+) = (.*?)( ; default)?$/.exec(line);
    if (head) [, section] = head;
    else if (entry) settings[`${section}.${entry[1]}`] = entry[2].trim();
  }
  return settings;
}
