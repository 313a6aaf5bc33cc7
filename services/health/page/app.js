// What is shown, from what health says.
import { $, el, text, count, money, signed, words, took, bytes, moment } from './base.js';
import { lineChart, barChart } from './chart.js';
import { ask, listen, token } from './live.js';
import { gateList, openQuestion, wireQuestions } from './actions.js';
import { openTrail, stateClass } from './trail.js';

const POLL_MS = 5000;     // while no events come
const FIRST_MS = 500;     // whatever has become of the events
const SLOW_MS = 60000;    // what is drawn over hours
const FIRST_ALERTS = matchMedia('(max-width: 559px)').matches ? 12 : 40;
const MOST_ALERTS = 1000; // more of them on one page help nobody
const BARS = 48;

const known = { status: null, account: null, shadow: null, alerts: new Map(), asking: new Set(), shown: FIRST_ALERTS, hours: 24,
  listening: false, cpu: new Map() };

// ---- how it is ----

const verdictText = { healthy: 'All well', degraded: 'Degraded', unhealthy: 'Unhealthy' };

function showVerdict(status) {
  const why = [];
  for (const [name, check] of Object.entries(status.checks))
    if (check.status !== 'healthy' && name !== 'alarms')
      why.push(el('li', {}, el('strong', {}, figures[name] ? figures[name][0] : words(name)), ' ',
          figures[name] && check.value !== undefined ? figures[name][1](check.value) + ', ' : '', check.why || check.status));
  for (const alarm of status.alarms.filter((a) => a.code !== 'threshold')) // it is among the checks
    why.push(el('li', {}, el('strong', {}, words(alarm.code)), ' ', alarm.text, ' ',
        el('span', { class: 'dim' }, alarm.service + ', since '), moment(alarm.since)));
  $('verdict').className = 'verdict ' + status.status;
  text('verdict-word', verdictText[status.status] || status.status);
  if (why.map((li) => li.textContent).join() !== [...$('verdict-why').children].map((li) => li.textContent).join())
    $('verdict-why').replaceChildren(...why);
  document.title = (status.status === 'healthy' ? '' : '⚠ ') + 'Umbra – ' + status.status;
}

function showState(state) {
  const executor = state.executor || {};
  const stopped = executor.killed ? 'killed' : executor.halted ? 'halted' : executor.paused ? 'paused' : '';

  text('active', state.known ? (state.active || 'no plugin') + (stopped ? ' · ' + stopped : '') : 'plugin unknown');
  $('active').className = 'plugin' + (stopped || !state.active ? ' stopped' : '');
  text('epoch', state.known ? 'epoch ' + state.epoch : '');
  document.querySelector('[data-do=pause]').hidden = Boolean(stopped);
  document.querySelector('[data-do=resume]').hidden = !stopped;
  document.querySelector('[data-do=rollback]').disabled = state.active === 'legacy_v3';
  document.querySelector('[data-do=cutover]').disabled = state.active === 'combined_v3';
}

// Of one core, between two answers.
function cpuShare(service) {
  const before = known.cpu.get(service.service);
  const now = { pid: service.pid, cpu: service.cpu_us, at: performance.now() - (service.age_ms || 0), share: before ? before.share : null };

  if (before && before.pid === now.pid && now.at - before.at < 500)
    return before.share;
  if (before && before.pid === now.pid)
    now.share = Math.max(0, (now.cpu - before.cpu) / (now.at - before.at) / 1000);
  known.cpu.set(service.service, now);
  return now.share;
}

function serviceRow(service) {
  const lags = Object.entries(service.behind || {});
  const behind = lags.reduce((sum, [, n]) => sum + n, 0);
  const kind = !service.alive ? 'bad' : service.ready ? 'good' : 'warn';
  const share = service.alive ? cpuShare(service) : null;
  const word = service.alive ? words(service.state) + (service.why ? ': ' + service.why : '') : 'no heartbeat';

  return el('tr', {}, el('th', { scope: 'row' }, service.service),
      el('td', {}, el('span', { class: 'dot ' + kind, 'aria-hidden': 'true' }), word),
      el('td', { class: 'n' + (behind > 1000 ? ' bad' : ''), title: lags.map(([k, n]) => `${k}: ${n}`).join('\n') }, count(behind)),
      el('td', { class: 'n wide' }, share === null || share === undefined ? '–' : (share * 100).toFixed(1) + ' %'),
      el('td', { class: 'n' }, service.memory_bytes ? bytes(service.memory_bytes) : '–'));
}

const percent = (v) => (v * 100).toFixed(v > 0 && v < 0.1 ? 2 : 1) + ' %';
const seconds = (v) => took(v * 1000000);
const figures = {
  alert_processing: ['Processing, p95', seconds], order_success: ['Orders filled', percent],
  mt5_connection: ['Terminal away', (v) => v.toFixed(0) + ' s'], memory: ['Memory', bytes],
  cpu: ['CPU, of one core', percent], errors: ['Errors', percent],
};

// How far along a figure is, the alert bound being the bar's end; for shares that must be high, from
// the other side.
function fullness(name, figure) {
  const part = name === 'order_success' ? (1 - figure.value) / (1 - figure.alert) : figure.value / figure.alert;
  return Math.max(0, Math.min(1, part || 0));
}

function thresholdItem([name, figure]) {
  const [title, write] = figures[name] || [words(name), String];
  const fill = el('span', { class: 'fill level-' + figure.level });
  const has = figure.value !== undefined && figure.value !== null;

  fill.style.width = has ? Math.max(1, fullness(name, figure) * 100) + '%' : '0';
  return el('li', {}, el('span', {}, title), el('span', { class: 'n value level-' + figure.level },
      has ? write(figure.value) : 'too few', figure.level === 'normal' ? '' : ' · ' + figure.level),
  el('span', { class: 'bar', 'aria-hidden': 'true' }, fill),
  el('small', { class: 'dim' }, `normal to ${write(figure.normal)}, alert at ${write(figure.alert)}`));
}

function showStatus(status) {
  const processing = status.thresholds.alert_processing || {};

  known.status = status;
  showVerdict(status);
  showState(status.state);
  $('services').replaceChildren(...status.services.map(serviceRow));
  $('thresholds').replaceChildren(...Object.entries(status.thresholds).map(thresholdItem));
  text('speed', processing.value > 0 ? took(processing.value * 1000000) : '–');
  text('under-way', status.alerts.open ? count(status.alerts.open) + ' under way' : 'nothing under way');
  text('alerts-count', count(status.alerts.known) + ' known');
}

// ---- the account ----

function positionRow(position) {
  const kind = Number(position.profit) < 0 ? ' bad' : Number(position.profit) > 0 ? ' good' : '';
  return el('tr', { class: position.ours ? null : 'foreign' },
      el('th', { scope: 'row' }, position.symbol, ' ', el('span', { class: 'side ' + position.side }, position.side),
          position.ours ? null : el('span', { class: 'dim' }, ' not ours')),
      el('td', { class: 'n' }, position.volume), el('td', { class: 'n' }, position.open_price),
      el('td', { class: 'n wide' }, Number(position.sl) ? position.sl : '–'),
      el('td', { class: 'n wide' }, Number(position.tp) ? position.tp : '–'),
      el('td', { class: 'n' + kind }, signed(position.profit)));
}

function showAccount(account) {
  const positions = (account.positions || []).slice()
      .sort((a, b) => a.symbol.localeCompare(b.symbol) || a.ticket - b.ticket);
  const ours = positions.filter((p) => p.ours);
  const profit = ours.reduce((sum, p) => sum + Math.round(Number(p.profit) * 100), 0) / 100;

  known.account = account;
  text('equity', money(account.equity));
  text('balance', 'balance ' + money(account.balance));
  text('profit', signed(profit));
  $('profit').className = 'big ' + (profit < 0 ? 'bad' : profit > 0 ? 'good' : '');
  text('open', ours.length + (ours.length === 1 ? ' position' : ' positions'));
  text('loss', money(account.daily_loss));
  text('risk', 'open risk ' + money(account.open_risk));
  text('positions-count', positions.length ? String(positions.length) : 'none');
  $('positions').replaceChildren(...positions.map(positionRow));
}

// ---- alerts ----

function alertRow(alert) {
  const end = alert.done_us || (alert.final ? alert.decided_us : 0);
  const ms = end && alert.received_us ? took(end - alert.received_us) : '';
  const reason = alert.outcome_reason && alert.outcome_reason !== alert.outcome ? words(alert.outcome_reason)
    : alert.reason && alert.reason !== 'ok' ? words(alert.reason) : '';

  return el('li', {}, el('button', { type: 'button', class: 'row', 'data-alert': alert.alert_id },
      el('span', { class: 'when' }, alert.received ? moment(alert.received) : '–'),
      el('span', { class: 'symbol' }, alert.symbol || '–'),
      el('span', { class: 'what' }, [words(alert.type), alert.direction].filter(Boolean).join(' '),
          alert.test ? el('span', { class: 'chip calm' }, 'test') : null),
      el('span', { class: 'came' }, el('span', { class: 'chip ' + stateClass(alert.state) }, words(alert.state)),
          alert.fills > 1 ? el('span', { class: 'dim' }, ' ×' + alert.fills) : null),
      el('span', { class: 'reason dim' }, reason === words(alert.state) ? '' : reason),
      el('span', { class: 'took n dim' }, ms)));
}

const byTime = (a, b) => (b.received_us || 0) - (a.received_us || 0) || (a.alert_id < b.alert_id ? 1 : -1);

// Rows that have not changed stay the same elements, so that whoever stands on one stays there.
function showAlerts() {
  const list = $('alert-list');
  const rows = new Map([...list.children].map((li) => [li.firstChild.dataset.alert, li]));
  const alerts = [...known.alerts.values()].sort(byTime).slice(0, known.shown);
  const focused = document.activeElement && document.activeElement.dataset.alert;

  known.alerts = new Map(alerts.map((a) => [a.alert_id, a]));
  alerts.forEach((alert, i) => {
    const key = JSON.stringify(alert);
    let row = rows.get(alert.alert_id);
    if (!row || row.dataset.key !== key) {
      const fresh = alertRow(alert);
      fresh.dataset.key = key;
      if (row)
        row.replaceWith(fresh);
      row = fresh;
    }
    rows.delete(alert.alert_id);
    if (list.children[i] !== row)
      list.insertBefore(row, list.children[i] || null);
    if (focused === alert.alert_id)
      row.firstChild.focus({ preventScroll: true });
  });
  for (const gone of rows.values())
    gone.remove();
  $('alerts-none').hidden = alerts.length > 0;
  $('more').hidden = alerts.length < known.shown || known.shown >= MOST_ALERTS;
}

// An event may overtake an answer that was made before it: what was heard meanwhile counts more.
async function askAlerts() {
  const meanwhile = new Map();

  known.asking.add(meanwhile);
  try {
    const list = await ask('api/alerts?limit=' + known.shown);
    known.alerts = new Map([...list.map((a) => [a.alert_id, a]), ...meanwhile]);
  } finally {
    known.asking.delete(meanwhile);
  }
  showAlerts();
}

function takeAlerts(alerts) {
  for (const alert of alerts)
    for (const map of [known.alerts, ...known.asking])
      map.set(alert.alert_id, alert);
  showAlerts();
}

// ---- over time ----

async function askEquity() {
  const { points } = await ask('api/equity?hours=' + known.hours);
  lineChart($('curve'), points.map(([s, e, b]) => [s * 1000, e / 100, b / 100]));
}

function buckets(minutes) {
  const at = minutes.map((m) => Date.parse(m.at));
  const span = Math.max(30 * 60000, Date.now() - (at[0] || Date.now()));
  const step = Math.ceil(span / BARS / 60000) * 60000;
  const first = Math.floor((Date.now() - step * (BARS - 1)) / step) * step;
  const list = Array.from({ length: BARS }, (_, i) => ({ at: first + i * step, exact: 0, other: 0, critical: 0 }));

  minutes.forEach((m, i) => {
    const bucket = list[Math.floor((at[i] - first) / step)];
    if (!bucket)
      return;
    bucket.exact += m.exact;
    bucket.critical += m.critical;
    bucket.other += Math.max(0, m.pairs - m.exact - m.critical);
  });
  return [list, step];
}

async function askShadow() {
  const shadow = await ask('api/shadow');
  const exact = shadow.classes.exact || 0;

  known.shadow = shadow;
  text('shadow-who', shadow.plugin);
  $('shadow-sum').replaceChildren(el('strong', {}, shadow.pairs ? percent(exact / shadow.pairs) : '–'), ' exact of ',
      count(shadow.pairs), ' compared, ', el('strong', { class: shadow.critical ? 'bad' : '' }, count(shadow.critical)),
      ' critical' + (shadow.unpaired ? `, ${count(shadow.unpaired)} unpaired` : ''));
  barChart($('parity'), ...buckets(shadow.minutes));
  $('gate').replaceChildren(...gateList(shadow.gate.conditions));
  text('gate-word', shadow.gate.mode === 'off' ? 'The gate is off' : shadow.gate.passes ? 'The gate lets a cutover pass'
    : `The gate holds a cutover back: ${shadow.gate.conditions.filter((c) => !c.holds).map((c) => words(c.name)).join(', ')}`);
  $('watch').hidden = !shadow.watch.on;
  text('watch', shadow.watch.on ? `${shadow.watch.plugin} is watched; critical differences: ${shadow.watch.critical}` : '');
}

function auditItem(entry) {
  const result = (entry.results || []).at(-1);
  const status = result ? result.status : 'no answer';
  return el('li', {}, moment(entry.at), ' ', el('strong', {}, words(entry.command) + (entry.force ? ', forced' : '')), ' ',
      el('span', { class: 'chip ' + (['done', 'unchanged'].includes(status) ? 'calm' : 'bad') }, words(status)), ' ',
      el('span', { class: 'dim' }, [entry.actor, entry.reason].filter(Boolean).join(': ')));
}

async function askAudit() {
  const entries = await ask('api/audit?limit=12');
  $('audit').replaceChildren(...entries.reverse().map(auditItem));
  $('audit-none').hidden = entries.length > 0;
}

// ---- asking and hearing ----

async function askAccount() {
  try {
    showAccount(await ask('api/positions'));
  } catch (error) {
    if (error.status !== 404) // no snapshot yet
      throw error;
  }
}

function showLink(error) {
  const needs = error && error.status === 401;
  const kind = known.listening ? ['live', 'good'] : needs ? ['needs the token', 'bad']
    : error && !error.status ? ['no connection', 'bad'] : ['asking every 5 s', 'warn'];

  text('link', kind[0]);
  $('link').className = 'chip ' + kind[1];
  $('token').textContent = token.get() ? 'Forget token' : 'Token…';
  document.body.classList.toggle('stale', kind[1] === 'bad');
}

async function askAll(...questions) {
  const results = await Promise.allSettled(questions.map((question) => question()));
  const failed = results.find((r) => r.status === 'rejected');

  if (failed && !(failed.reason.status || failed.reason instanceof TypeError))
    console.error(failed.reason);
  showLink(failed && failed.reason);
}

const askStatus = async () => showStatus(await ask('api/status'));
const askFast = () => askAll(askStatus, askAccount, askAlerts);
const askEverything = () => askAll(askStatus, askAccount, askAlerts, askEquity, askShadow, askAudit);

const changed = { alerts: askAlerts, audit: askAudit, shadow: askShadow };

function heard(name, data) {
  if (name === 'status')
    showStatus(data);
  else if (name === 'account')
    showAccount(data);
  else if (name === 'alerts')
    takeAlerts(data);
  else if (name === 'changed')
    askAll(...data.map((what) => changed[what]).filter(Boolean));
}

// Asked once events flow, so that nothing can come to pass in between unseen.
function opened() {
  known.listening = true;
  showLink(null);
  askEverything();
}

function closed(error) {
  known.listening = false;
  showLink(error || { status: 0 });
  if (!known.status)
    askEverything();
}

document.querySelector('.actions').addEventListener('click', (event) => {
  const name = event.target.dataset.do;
  const state = known.status ? known.status.state : {};

  if (name)
    openQuestion(name, { active: state.active, epoch: state.epoch, killed: state.executor && state.executor.killed, gate: known.shadow && known.shadow.gate,
      positions: known.account ? known.account.positions.filter((p) => p.ours).length : '?' });
});
$('alert-list').addEventListener('click', (event) => {
  const row = event.target.closest('[data-alert]');
  if (row)
    openTrail(row.dataset.alert);
});
$('more').addEventListener('click', () => {
  known.shown = Math.min(MOST_ALERTS, known.shown * 4);
  askAll(askAlerts);
});
document.querySelector('.pick').addEventListener('click', (event) => {
  if (!event.target.dataset.hours)
    return;
  known.hours = Number(event.target.dataset.hours);
  for (const button of document.querySelectorAll('.pick button'))
    button.setAttribute('aria-pressed', String(button === event.target));
  askAll(askEquity);
});
$('token').addEventListener('click', () => {
  if (!token.get()) {
    openQuestion('token', {});
    return;
  }
  token.set('');
  askEverything();
});

wireQuestions(askEverything);
setInterval(() => { if (!known.listening) askFast(); }, POLL_MS);
setInterval(() => askAll(askEquity, askShadow), SLOW_MS);
setTimeout(() => { if (!known.status) askEverything(); }, FIRST_MS);
listen(heard, opened, closed);
