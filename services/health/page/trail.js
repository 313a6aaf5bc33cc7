// One alert and each step of its way, in a dialog.
import { $, el, took, words, moment } from './base.js';
import { ask } from './live.js';

const KNOWN = new Set(['step', 'at', 'at_us', 'since_us', 'plugin', 'state']);

export function stateClass(state) {
  if (['unknown', 'manual', 'error', 'failed', 'quarantined'].includes(state))
    return 'bad';
  if (['refused', 'rejected', 'partly', 'expired', 'cancelled'].includes(state))
    return 'warn';
  if (['accepted', 'decided', 'ordered', 'submitted', 'received', 'intent'].includes(state))
    return 'moving';
  return state === 'filled' ? 'good' : 'calm';
}

function more(step) {
  return Object.entries(step).filter(([key]) => !KNOWN.has(key))
      .map(([key, value]) => (key === 'role' || key === 'cl_ord_id' ? words(value) : `${words(key)} ${value}`)).join(' · ');
}

function facts(title, object) {
  const rows = Object.entries(object || {}).filter(([, v]) => v !== null && v !== '' && typeof v !== 'object');
  return rows.length === 0 ? null : el('details', {}, el('summary', {}, title),
      el('dl', { class: 'facts' }, ...rows.flatMap(([k, v]) => [el('dt', {}, words(k)), el('dd', {}, String(v))])));
}

function body(trail) {
  const latency = trail.latency_us || {};
  const steps = (trail.steps || []).map((step) => el('tr', {},
      el('td', { class: 'n' }, '+' + took(step.since_us)), el('td', {}, words(step.step)),
      el('td', { class: 'dim' }, more(step))));
  return [
    el('p', {}, el('span', { class: 'chip ' + stateClass(trail.state) }, words(trail.state)), ' ',
        trail.received ? moment(trail.received) : '', ' ', words(trail.signal_type), ' by ', trail.plugin || 'nobody yet'),
    el('p', { class: 'dim id' }, trail.alert_id),
    el('p', { class: 'dim' }, ['durable', 'decided', 'submitted', 'done'].filter((k) => latency[k] > 0)
        .map((k) => `${k} after ${took(latency[k])}`).join(', ')),
    el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Steps' },
        el('table', { class: 'steps' }, el('tbody', {}, ...steps))),
    facts('The alert', trail.signal), facts('The decision', trail.decision), facts('The order', trail.order),
    ...(trail.shadow || []).map((shadow) => facts('In the shadow: ' + (shadow.plugin || 'a decision'), shadow)),
    el('details', {}, el('summary', {}, 'All of it, as JSON'), el('pre', { tabindex: 0 }, JSON.stringify(trail, null, 2))),
  ].filter((part) => part !== null);
}

export async function openTrail(alertId) {
  $('trail-h').textContent = 'Alert';
  $('trail-body').replaceChildren(el('p', { class: 'dim' }, 'Asking …'));
  $('trail').showModal();
  try {
    const trail = await ask('api/alerts/' + alertId);
    $('trail-h').textContent = [trail.symbol, words(trail.type), trail.direction].filter(Boolean).join(' ');
    $('trail-body').replaceChildren(...body(trail));
  } catch (error) {
    $('trail-body').replaceChildren(el('p', { class: 'bad', role: 'alert' }, error.message));
  }
}
