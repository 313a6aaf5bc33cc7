// What the schemas cannot say: that what one resource names is there in another, and what Umbra asks of
// every pod. Each function lists what is wrong, one line a fault.
import { nameOf } from './schema.mjs';

export function workloads(resources) {
  return resources.filter((r) => ['Deployment', 'StatefulSet', 'DaemonSet', 'Job'].includes(r.kind));
}

export function podOf(workload) {
  return workload.spec.template.spec;
}

/** Containers that stay: the pod's own, and those that begin before them. */
export function containersOf(workload) {
  const pod = podOf(workload);
  return [...pod.containers, ...(pod.initContainers ?? [])];
}

export function find(resources, kind, name) {
  return resources.find((r) => r.kind === kind && r.metadata.name === name);
}

function keysOf(resource) {
  return Object.keys({ ...resource?.data, ...resource?.stringData, ...resource?.binaryData });
}

function selects(labels, wanted) {
  return Object.entries(wanted ?? {}).every(([key, value]) => labels?.[key] === value);
}

/* ---- names ---- */

// Every Secret and ConfigMap a pod takes something from, with the keys it wants of it.
export function sourcesOf(workload) {
  const pod = podOf(workload);
  const sources = [];
  const add = (kind, name, items) =>
    sources.push({ kind, name, keys: (items ?? []).map((item) => item.key) });
  for (const volume of pod.volumes ?? []) {
    if (volume.secret) add('Secret', volume.secret.secretName, volume.secret.items);
    if (volume.configMap) add('ConfigMap', volume.configMap.name, volume.configMap.items);
    for (const part of volume.projected?.sources ?? []) {
      if (part.secret) add('Secret', part.secret.name, part.secret.items);
      if (part.configMap) add('ConfigMap', part.configMap.name, part.configMap.items);
    }
  }
  for (const container of containersOf(workload)) {
    for (const from of container.envFrom ?? []) {
      if (from.configMapRef) add('ConfigMap', from.configMapRef.name);
      if (from.secretRef) add('Secret', from.secretRef.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      if (valueFrom?.configMapKeyRef) add('ConfigMap', valueFrom.configMapKeyRef.name, [valueFrom.configMapKeyRef]);
      if (valueFrom?.secretKeyRef) add('Secret', valueFrom.secretKeyRef.name, [valueFrom.secretKeyRef]);
    }
  }
  return sources;
}

function probesOf(container) {
  return ['startupProbe', 'livenessProbe', 'readinessProbe'].map((name) => container[name]).filter(Boolean);
}

function containerFaults(workload, container, volumes) {
  const faults = [];
  const ports = new Set((container.ports ?? []).map((port) => port.name));
  for (const mount of container.volumeMounts ?? [])
    if (!volumes.has(mount.name)) faults.push(`mounts ${mount.name}, which is no volume`);
  for (const probe of probesOf(container)) {
    const port = (probe.httpGet ?? probe.tcpSocket)?.port;
    if (typeof port === 'string' && !ports.has(port)) faults.push(`probes port ${port}, which it does not have`);
  }
  return faults.map((fault) => `${nameOf(workload)}: ${container.name}: ${fault}`);
}

export function nameFaults(resources) {
  const faults = [];
  const seen = new Set();
  for (const resource of resources) {
    if (seen.has(nameOf(resource))) faults.push(`${nameOf(resource)}: is there twice`);
    seen.add(nameOf(resource));
  }
  for (const workload of workloads(resources)) {
    const volumes = new Set([...(podOf(workload).volumes ?? []).map((v) => v.name),
      ...(workload.spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata.name)]);
    for (const container of containersOf(workload))
      faults.push(...containerFaults(workload, container, volumes));
    for (const { kind, name, keys } of sourcesOf(workload)) {
      const source = find(resources, kind, name);
      if (!source) faults.push(`${nameOf(workload)}: there is no ${kind} ${name}`);
      else
        for (const key of keys)
          if (!keysOf(source).includes(key)) faults.push(`${nameOf(workload)}: ${kind} ${name} has no ${key}`);
    }
    const labels = workload.spec.template.metadata.labels;
    if (workload.kind !== 'Job' && !selects(labels, workload.spec.selector.matchLabels))
      faults.push(`${nameOf(workload)}: does not select its own pods`);
    if (workload.kind === 'StatefulSet' &&
      find(resources, 'Service', workload.spec.serviceName)?.spec.clusterIP !== 'None')
      faults.push(`${nameOf(workload)}: ${workload.spec.serviceName} is no headless Service`);
    if (!find(resources, 'ServiceAccount', podOf(workload).serviceAccountName))
      faults.push(`${nameOf(workload)}: no ServiceAccount of its own`);
  }
  return faults;
}

// What has to outlive its pod: the copies that umbra backup makes, and what no stream brings back.
const KEPT = { 'alert-ingest': 'backup', 'strategy-v3': 'backup', 'order-executor': 'backup', health: 'backup',
  'telegram-controller': 'backup', 'telegram-notify': 'backup', 'strategy-v3-shadow': '', 'telegram-analytics': '',
  'mt5-demo': '' };

export function keptFaults(resources) {
  const faults = [];
  for (const workload of workloads(resources).filter((w) => w.metadata.name in KEPT)) {
    const at = `/var/lib/umbra/${KEPT[workload.metadata.name]}`.replace(/\/$/, '');
    const mount = podOf(workload).containers[0].volumeMounts.find((one) => one.mountPath === at);
    const volume = (podOf(workload).volumes ?? []).find((one) => one.name === mount?.name);
    const claim = volume?.persistentVolumeClaim?.claimName;
    const isKept = (workload.spec.volumeClaimTemplates ?? []).some((one) => one.metadata.name === mount?.name) ||
      (claim && find(resources, 'PersistentVolumeClaim', claim));
    if (!isKept) faults.push(`${nameOf(workload)}: what it has in ${at} goes with its pod`);
    if (claim && !find(resources, 'PersistentVolumeClaim', claim)?.spec.accessModes.includes('ReadWriteMany'))
      faults.push(`${nameOf(workload)}: ${claim} is for one node at a time`);
  }
  return faults;
}

/* ---- ports ---- */

// A Service's port has to be one that a container of its pods has. Behind a headless one there is
// nobody to translate: the same number.
export function serviceFaults(resources) {
  const faults = [];
  for (const service of resources.filter((r) => r.kind === 'Service' && r.spec.selector)) {
    const targets = workloads(resources).filter((w) => selects(w.spec.template.metadata.labels, service.spec.selector));
    if (targets.length !== 1) faults.push(`${nameOf(service)}: selects ${targets.length} workloads`);
    for (const { port, targetPort = port, name } of service.spec.ports ?? []) {
      const ports = targets.flatMap((w) => containersOf(w).flatMap((c) => c.ports ?? []));
      const found = ports.find((p) => p.name === targetPort || p.containerPort === targetPort);
      if (!found) faults.push(`${nameOf(service)}: no container has port ${targetPort}`);
      else if (service.spec.clusterIP === 'None' && found.containerPort !== port)
        faults.push(`${nameOf(service)}: headless, but ${port} is not ${found.containerPort}`);
      else if (found.name !== name) faults.push(`${nameOf(service)}: ${name} leads to ${found.name}`);
    }
  }
  for (const ingress of resources.filter((r) => r.kind === 'Ingress'))
    for (const { service } of ingress.spec.rules.flatMap((rule) => rule.http.paths.map((path) => path.backend))) {
      const ports = find(resources, 'Service', service.name)?.spec.ports ?? [];
      if (!ports.some((port) => port.name === service.port.name || port.port === service.port.number))
        faults.push(`${nameOf(ingress)}: ${service.name} has no such port`);
    }
  for (const budget of resources.filter((r) => r.kind === 'PodDisruptionBudget')) {
    const names = budget.spec.selector.matchExpressions?.[0].values ??
      [budget.spec.selector.matchLabels['app.kubernetes.io/name']];
    for (const name of names)
      if (!workloads(resources).some((w) => w.spec.template.metadata.labels['app.kubernetes.io/name'] === name))
        faults.push(`${nameOf(budget)}: there is no ${name}`);
  }
  return faults;
}

/* ---- what every pod must be ---- */

function hardFaults(pod, container) {
  const context = container.securityContext ?? {};
  const rules = {
    'may gain privileges': context.allowPrivilegeEscalation === false,
    'is privileged': !context.privileged,
    'keeps capabilities': context.capabilities?.drop?.includes('ALL') && !context.capabilities.add,
    'can write its root': context.readOnlyRootFilesystem === true,
    'has no memory limit': container.resources?.limits?.memory,
    'has no requests': container.resources?.requests?.cpu && container.resources.requests.memory,
    'has no liveness probe': container.livenessProbe || ['tools', 'mt5-demo', 'redis-functions'].includes(container.name),
    'names no version of its image': /^[a-z0-9./-]+:\d+\.\d+\.\d+$/.test(container.image),
  };
  return Object.keys(rules).filter((fault) => !rules[fault]).map((fault) => `${container.name} ${fault}`);
}

function podFaults(pod) {
  const context = pod.securityContext ?? {};
  const rules = {
    'may be root': context.runAsNonRoot === true && context.runAsUser > 0,
    'has no fixed uid': Number.isInteger(context.runAsUser),
    'has no seccomp profile': context.seccompProfile?.type === 'RuntimeDefault',
    'is given a token of the API': pod.automountServiceAccountToken === false,
    'is given variables for Services': pod.enableServiceLinks === false,
    'does not end within 30 s': pod.terminationGracePeriodSeconds === 30,
    'shares the host': !pod.hostNetwork && !pod.hostPID && !pod.hostIPC,
    'mounts a folder of the host': !(pod.volumes ?? []).some((volume) => volume.hostPath),
  };
  return Object.keys(rules).filter((fault) => !rules[fault]);
}

export function podStandardFaults(resources) {
  const faults = [];
  const uids = new Map();
  for (const workload of workloads(resources)) {
    const pod = podOf(workload);
    const found = [...podFaults(pod), ...containersOf(workload).flatMap((container) => hardFaults(pod, container))];
    faults.push(...found.map((fault) => `${nameOf(workload)}: ${fault}`));
    const { runAsUser } = pod.securityContext ?? {};
    if (uids.has(runAsUser)) faults.push(`${nameOf(workload)}: has the uid of ${uids.get(runAsUser)}`);
    uids.set(runAsUser, nameOf(workload));
  }
  for (const namespace of resources.filter((r) => r.kind === 'Namespace'))
    if (namespace.metadata.labels?.['pod-security.kubernetes.io/enforce'] !== 'restricted')
      faults.push(`${nameOf(namespace)}: does not enforce the restricted standard`);
  for (const kind of ['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'])
    for (const resource of resources.filter((r) => r.kind === kind))
      faults.push(`${nameOf(resource)}: nothing here may ask the API for anything`);
  return faults;
}

/* ---- how it runs ---- */

export function runFaults(resources, version) {
  const faults = [];
  for (const workload of workloads(resources)) {
    const name = workload.metadata.name;
    const wrong = (what) => faults.push(`${nameOf(workload)}: ${what}`);
    if (name === 'alert-ingest') {
      if (workload.spec.replicas < 2) wrong('fewer than two replicas');
      if (workload.spec.updateStrategy?.type !== 'RollingUpdate') wrong('is not updated one at a time');
      if (!(workload.spec.minReadySeconds > 0)) wrong('the next is replaced before this one has proved itself');
      if (!podOf(workload).containers[0].lifecycle?.preStop) wrong('stops before the Services know');
    } else if (workload.kind === 'Deployment') {
      if (workload.spec.strategy?.type !== 'Recreate') wrong('two of it run during an update');
      if (workload.spec.replicas > 1) wrong('more than one');
    } else if (workload.kind === 'StatefulSet') {
      if (workload.spec.replicas !== 1) wrong('more than one');
    } else if (!workload.spec.ttlSecondsAfterFinished) wrong('stays, and cannot be applied again');
    for (const { image } of containersOf(workload))
      if (!image.endsWith(`:${version}`)) wrong(`${image} is not version ${version}`);
  }
  const scraped = workloads(resources).filter((w) => w.spec.template.metadata.annotations?.['prometheus.io/scrape']);
  if (scraped.map((w) => w.metadata.name).join() !== 'health') faults.push('health alone is scraped');
  for (const { spec } of scraped) {
    const { 'prometheus.io/port': port, 'prometheus.io/path': path } = spec.template.metadata.annotations;
    if (!spec.template.spec.containers[0].ports.some((p) => `${p.containerPort}` === port) || path !== '/metrics')
      faults.push('health is scraped where it does not answer');
  }
  return faults;
}
