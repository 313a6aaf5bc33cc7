// Elements, numbers and times. Text goes into elements as text only: nothing that came from outside is
// ever read as HTML.

export const $ = (id) => document.getElementById(id);

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {}))
    if (value !== undefined && value !== null && value !== false)
      element.setAttribute(key, value === true ? '' : value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function text(id, value) {
  const element = $(id);
  if (element.textContent !== value)
    element.textContent = value;
}

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const money2 = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const count = (value) => grouped.format(value);
export const money = (value) => money2.format(Number(value)).replace('-', '−');
export const signed = (value) => (Number(value) > 0 ? '+' : '') + money(value);
export const words = (name) => String(name || '').replaceAll('_', ' ');

export function took(us) {
  if (us < 10000)
    return (us / 1000).toFixed(1) + ' ms';
  if (us < 1000000)
    return Math.round(us / 1000) + ' ms';
  return us < 120000000 ? (us / 1000000).toFixed(1) + ' s' : Math.round(us / 60000000) + ' min';
}

export function bytes(value) {
  return (value / 1048576).toFixed(value < 10485760 ? 1 : 0) + ' MB';
}

const clock = new Intl.DateTimeFormat(undefined,
    { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const shortClock = new Intl.DateTimeFormat(undefined,
    { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

export const minuteText = (ms) => shortClock.format(ms);
export const dayText = (ms) => day.format(ms);

// Local, with the day where it is not today; UTC where the pointer rests.
export function moment(iso) {
  const at = new Date(iso);
  const today = at.toDateString() === new Date().toDateString();
  return el('time', { datetime: iso, title: iso.replace('T', ' ').replace('Z', ' UTC') },
      (today ? '' : day.format(at) + ' ') + clock.format(at));
}
