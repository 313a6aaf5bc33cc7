// A browser before a live system, and checks that are counted as the shell's tests count theirs.
import { createRequire } from 'node:module';
import { execFileSync } from 'node:child_process';

const require = createRequire(process.env.BROWSER_MODULES + '/');
const { chromium } = require('playwright-core');

export const ops = process.env.OPS;
export const webhook = process.env.WEBHOOK;
export const adminToken = process.env.ADMIN_TOKEN;

// Reached only by a check that fails, also on a loaded machine with sanitizers.
export const PATIENCE_MS = 30000;

let checks = 0;
export async function check(what, fn) {
  const more = await fn();
  checks++;
  console.log(`ok ${checks} - ${what}${more ? ': ' + more : ''}`);
}

export function must(condition, what) {
  if (!condition)
    throw new Error(what);
}

export async function until(what, fn) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await fn();
    if (found)
      return found;
    must(Date.now() < end, 'not in time: ' + what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function umbra(...words) {
  return execFileSync(process.env.UMBRA, words, { encoding: 'utf8' });
}

let number = 0;
export async function send(alert) {
  const body = { tf: '15', price: 1, id: `b${Date.now()}-${++number}`, ...alert };
  const answer = await fetch(webhook, { method: 'POST', body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json' } });
  const json = await answer.json();
  must(json.status === 'accepted', 'not accepted: ' + JSON.stringify(json));
  return json.alert_id;
}

export const entry = { type: 'entry_v3', signal_type: 'Momentum_Breakout', symbol: 'EURUSD', direction: 'buy',
  price: 1.085, sl_price: 1.0839, consensus_score: 5, position_multiplier: 0.2 };
export const squeeze = { type: 'squeeze_v3', signal_type: 'Volatility_Squeeze', symbol: 'GBPUSD', price: 1.27 };

export const browser = await chromium.launch({ executablePath: process.env.CHROMIUM,
  // root has no sandbox to give away, and CI runs as root
  args: process.getuid() === 0 ? ['--no-sandbox'] : [] });

// A page of its own, with what went wrong and where it went written down.
export async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const seen = { errors: [], requests: [] };

  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('console', (line) => { if (line.type() === 'error') seen.errors.push(line.text()); });
  page.on('request', (request) => seen.requests.push(request.url()));
  return { page, seen, context };
}

export async function show(options) {
  const opened = await open(options);
  await opened.page.goto(ops + '/');
  await until('events flow', async () => await opened.page.textContent('#link') === 'live');
  return opened;
}
