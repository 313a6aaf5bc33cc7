// The page at / of health, as a person uses it. Run by test_page.sh against a system that is up.
import { adminToken, browser, check, entry, must, ops, send, show, squeeze, umbra, until } from './rig.mjs';

const MANY = 10000;
const AT_ONCE = 32;
// 300 ms is what an idle machine is held to; this one builds, and its programs carry sanitizers.
const FIRST_VIEW_MS = 3000;

const text = (page, selector) => page.textContent(selector);
const route = async () => (await (await fetch(ops + '/api/route')).json()).active;
const row = (id) => `[data-alert="${id}"]`;

async function loads() {
  const { page, seen, context } = await show();

  await check('it shows how it is, without an error or a request elsewhere', async () => {
    await until('a verdict', async () => ['All well', 'Degraded', 'Unhealthy'].includes(await text(page, '#verdict-word')));
    await until('the services', async () => await page.locator('#services tr').count() >= 6);
    must(await text(page, '#active') === 'legacy_v3', 'the active plugin');
    must(seen.errors.length === 0, seen.errors.join('; '));
    must(seen.requests.every((url) => url.startsWith(ops + '/')), seen.requests.join(' '));
  });
  await check('a strict policy comes with it, and nothing is sent again that has not changed', async () => {
    const answer = await fetch(ops + '/');
    const policy = answer.headers.get('content-security-policy') || '';
    must(policy.includes("default-src 'none'") && policy.includes("script-src 'self'") && !policy.includes('unsafe'), policy);
    must(answer.headers.get('x-content-type-options') === 'nosniff', 'nosniff');
    const etag = { 'If-None-Match': answer.headers.get('etag') };
    must((await fetch(ops + '/', { headers: etag })).status === 304, 'not 304');
    must((await fetch(ops + '/app.js', { headers: etag })).status === 200, 'another file with the same tag');
  });
  await check('the policy holds: an inline script does not run', async () => {
    await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.ran = true';
      document.body.append(script);
    });
    must(await page.evaluate(() => window.ran) === undefined, 'it ran');
  });
  await context.close();
}

async function updates() {
  const { page, seen, context } = await show();
  const asked = () => seen.requests.filter((url) => url.includes('/api/alerts')).length;
  let id;

  await until('what is asked at first', async () => await page.isVisible('#alerts-none') && await page.isVisible('#audit-none'));
  await check('an alert is there as it comes, and what became of it, by events alone', async () => {
    const before = asked(), from = Date.now();
    id = await send(entry);
    await page.waitForSelector(row(id));
    const ms = Date.now() - from;
    await until('its end', async () => (await text(page, row(id) + ' .chip')) === 'filled');
    must(asked() === before, 'it asked for the alerts again');
    return `${ms} ms`;
  });
  await check('its trail opens and closes by keyboard, and the focus comes back', async () => {
    await page.focus('#token');
    for (let i = 0; i < 40 && !await page.evaluate((s) => document.activeElement.matches(s), row(id)); i++)
      await page.keyboard.press('Tab');
    must(await page.evaluate((s) => document.activeElement.matches(s), row(id)), 'Tab does not lead to the alert');
    await page.keyboard.press('Enter');
    await until('steps', async () => await page.locator('#trail .steps tr').count() > 5);
    must((await text(page, '#trail-body')).includes(id), 'another alert');
    await page.keyboard.press('Escape');
    must(!await page.evaluate(() => document.getElementById('trail').open), 'still open');
    must(await page.evaluate((s) => document.activeElement.matches(s), row(id)), 'the focus is elsewhere');
  });
  await check('an open position is there', async () => {
    await until('a position', async () => await page.locator('#positions tr').count() >= 1);
  });
  await context.close();
}

async function polls() {
  const { page, context } = await show();

  await check('without events it asks from time to time', async () => {
    await context.route('**/events', (request) => request.abort());
    await page.reload();
    await until('asking', async () => (await text(page, '#link')).startsWith('asking'));
    const id = await send(squeeze);
    await page.waitForSelector(row(id));
  });
  await context.close();
}

async function switches() {
  const { page, seen, context } = await show();
  const answer = () => text(page, '#ask-answer');
  const isOpen = () => page.evaluate(() => document.getElementById('ask').open);

  umbra('cutover', '--reason', 'browser test');
  await until('the switch on the page', async () => (await text(page, '#active')) === 'combined_v3');
  await check('rollback asks back, and no is no', async () => {
    await page.click('[data-do=rollback]');
    must(await isOpen() && (await text(page, '#ask-text')).includes('legacy_v3'), 'it does not say what it will do');
    await page.click('#ask-no');
    must(!await isOpen() && await route() === 'combined_v3', 'it was switched');
  });
  await check('without a token nothing is sent', async () => {
    await page.click('[data-do=rollback]');
    await page.click('#ask-yes');
    must(await isOpen() && !seen.requests.some((url) => url.includes('/admin/')), 'it was sent');
  });
  await check('a wrong token is refused, and asked for again', async () => {
    await page.fill('#ask-token', 'wrong');
    await page.keyboard.press('Enter');
    await until('the refusal', async () => (await answer()).startsWith('Refused'));
    must(await route() === 'combined_v3', 'it was switched');
    must(await page.isVisible('#ask-token') && await page.inputValue('#ask-token') === '', 'the token stays');
    must(await page.evaluate(() => sessionStorage.length) === 0, 'the wrong token is kept');
  });
  await check('with the token it is done, told and shown', async () => {
    await page.fill('#ask-reason', 'seen enough');
    await page.fill('#ask-token', adminToken);
    await page.click('#ask-yes');
    await until('done', async () => (await answer()).startsWith('done'));
    must(await route() === 'legacy_v3', 'it was not switched');
    await page.keyboard.press('Enter'); // the focus is on Close
    must(!await isOpen(), 'still open');
    await until('the plugin', async () => (await text(page, '#active')) === 'legacy_v3');
    await until('the audit trail', async () => (await text(page, '#audit')).includes('seen enough'));
  });
  await check('the token is kept in this tab only, and in no address', async () => {
    await page.click('[data-do=test_alert]');
    must(!await page.isVisible('#ask-token'), 'asked for again');
    await page.click('#ask-yes');
    await until('the test alert', async () => (await answer()).startsWith('done'));
    await page.click('#ask-no');
    must(await page.evaluate(() => localStorage.length) === 0, 'it is in localStorage');
    must(!seen.requests.some((url) => url.includes(adminToken)), 'it is in an address');
  });
  await check('pause and resume change places', async () => {
    await page.click('[data-do=pause]');
    await page.click('#ask-yes');
    await until('paused', async () => (await text(page, '#active')).includes('paused'));
    await page.click('#ask-no');
    await page.click('[data-do=resume]');
    await page.click('#ask-yes');
    await until('resumed', async () => !(await text(page, '#active')).includes('paused'));
  });
  must(seen.errors.every((line) => line.includes('401')), seen.errors.join('; '));
  await context.close();
}

// What can be checked of it by rules.
function faults() {
  const name = (e) => (e.getAttribute('aria-label') || (e.labels && [...e.labels].map((l) => l.textContent).join('')) || e.textContent).trim();
  const list = [];
  const say = (what, elements) => [...elements].forEach((e) => list.push(`${what}: ${e.outerHTML.slice(0, 80)}`));
  const all = (selector) => [...document.querySelectorAll(selector)];

  say('no name', all('button, input, a, summary').filter((e) => !name(e)));
  say('no alt', all('img:not([alt])'));
  say('no role or label', all('svg').filter((e) => e.getAttribute('role') !== 'img' || !e.getAttribute('aria-label')));
  say('tabindex', all('[tabindex]').filter((e) => e.tabIndex > 0));
  say('no scope', all('th:not([scope])'));
  say('a region without a name', all('[role=region]').filter((e) => !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby')));
  say('an id twice', all('[id]').filter((e) => document.querySelectorAll('#' + CSS.escape(e.id)).length > 1));
  say('labelled by nothing', all('[aria-labelledby]').filter((e) => !document.getElementById(e.getAttribute('aria-labelledby'))));
  if (!document.documentElement.lang || all('h1').length !== 1 || all('main').length !== 1)
    list.push('lang, h1 or main');
  return list;
}

// Contrast of text with what is behind it, as WCAG counts it.
function faint() {
  const parse = (c) => (c.match(/[\d.]+/g) || []).map(Number);
  const light = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('main *, header *')].filter((e) => !e.closest('svg') && !e.closest(':disabled') &&
      [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) && e.getClientRects().length).map((e) => {
    const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e];
  }).filter(([ratio]) => ratio < 4.5).map(([ratio, e]) => `${ratio.toFixed(1)} ${e.className} ${e.textContent.slice(0, 30)}`);
}

async function reads() {
  for (const colorScheme of ['light', 'dark']) {
    const { page, context } = await show({ colorScheme });
    await until('the charts', async () => await page.locator('#parity svg').count() === 1);
    await check(`names, labels and contrast are right (${colorScheme})`, async () => {
      const list = [...await page.evaluate(faults), ...await page.evaluate(faint)];
      must(list.length === 0, list.join('\n'));
    });
    await context.close();
  }
  const { page, context } = await show({ viewport: { width: 360, height: 740 }, hasTouch: true });
  await check('nothing sticks out at 360 pixels, and what is touched is large enough', async () => {
    must(await page.evaluate(() => document.documentElement.scrollWidth) <= 360, 'it scrolls sideways');
    must(await page.evaluate(() => [...document.querySelectorAll('.actions button, .row')].filter((b) => !b.hidden)
        .every((b) => b.getBoundingClientRect().height >= 36)), 'a small button');
  });
  await context.close();
}

// An account on which nothing has happened for two minutes: one value, and a round one.
async function flatCurve() {
  const { page, context } = await show({});
  await check('an equity that stands still is drawn', async () => {
    const drawn = await page.evaluate(async () => {
      const { lineChart } = await import('/chart.js');
      const figure = document.createElement('figure');
      lineChart(figure, [[0, 1000000, 1000000], [60000, 1000000, 1000000]]);
      return figure.innerHTML;
    });
    must(drawn.includes('polyline') && !drawn.includes('NaN'), drawn);
  });
  await context.close();
}

async function manyAlerts() {
  for (let sent = 0; sent < MANY; sent += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, () => send(squeeze)));
  const last = await send(entry);
  const { page, context } = await show();

  await check(`with ${MANY} alerts behind it the first view is quick and the list short`, async () => {
    await page.waitForSelector(row(last));
    must(await page.locator('.row').count() <= 40, 'all of them are there');
    await page.reload();
    await page.waitForSelector('#services tr');
    const ms = await until('the figures', () => page.evaluate(() => Math.max(0, ...performance.getEntriesByType('resource')
        .filter((e) => /api.(status|alerts|positions)/.test(e.name)).map((e) => e.responseEnd))));
    const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
    must(paint < FIRST_VIEW_MS, `first paint ${paint} ms`);
    return `first paint ${paint.toFixed(0)} ms, with its figures ${ms.toFixed(0)} ms`;
  });
  await check('more of them come when asked for', async () => {
    await page.waitForSelector('#more:visible');
    await page.click('#more');
    await until('more rows', async () => await page.locator('.row').count() > 100);
  });
  await context.close();
}

async function healthDies() {
  const { page, context } = await show();

  await check('health dies and comes back: the page says so, and goes on by itself', async () => {
    const { services } = await (await fetch(ops + '/api/status')).json();
    process.kill(services.find((s) => s.service === 'health').pid, 'SIGKILL');
    await until('the break', async () => (await text(page, '#link')) !== 'live');
    await until('events again', async () => (await text(page, '#link')) === 'live');
    const id = await send(squeeze);
    await page.waitForSelector(row(id));
  });
  await context.close();
}

try {
  for (const part of [loads, updates, polls, switches, reads, flatCurve, manyAlerts, healthDies])
    await part();
} catch (error) {
  console.log('FAIL ' + error.message);
  for (const path of ['/api/alerts?limit=2', '/api/status'])
    console.log(path + ': ' + await fetch(ops + path).then((answer) => answer.text(), String));
  process.exitCode = 1;
} finally {
  await browser.close();
}
