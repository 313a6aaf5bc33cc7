// Asking health, and hearing from it. The token stays in this tab (sessionStorage). Changes come as
// server-sent events through fetch, which unlike EventSource can show a token; where that fails, whoever
// called asks from time to time until it works again.

const KEY = 'umbra.token';
const RETRY_MS = [1000, 2000, 5000, 10000];
// Health tells something every two seconds: a silence this long is a dead connection.
const SILENCE_MS = 10000;

export const token = {
  get: () => sessionStorage.getItem(KEY) || '',
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

function headers(more) {
  return token.get() ? { Authorization: 'Bearer ' + token.get(), ...more } : { ...more };
}

export class Refused extends Error {
  constructor(status, body) {
    super((body && body.error && body.error.message) || 'HTTP ' + status);
    this.status = status;
    this.body = body;
  }
}

export async function ask(path) {
  const answer = await fetch(path, { headers: headers(), cache: 'no-store' });
  const body = await answer.json().catch(() => null);
  if (!answer.ok)
    throw new Refused(answer.status, body);
  return body;
}

export async function post(path, parameters) {
  // a test alert's body would be the alert: without parameters there is none
  const sent = Object.keys(parameters).length ? JSON.stringify(parameters) : undefined;
  const answer = await fetch(path, { method: 'POST', cache: 'no-store', body: sent,
    headers: headers(sent ? { 'Content-Type': 'application/json' } : {}) });
  const body = await answer.json().catch(() => null);
  if (!answer.ok || (body && body.status === 'refused'))
    throw new Refused(answer.status, body);
  return body;
}

function take(block, heard) {
  let name = 'message', data = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('event:'))
      name = line.slice(6).trim();
    else if (line.startsWith('data:'))
      data += line.slice(5);
  }
  if (data)
    heard(name, JSON.parse(data));
}

async function readAll(stream, heard, abort) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const timer = setTimeout(() => abort.abort(), SILENCE_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done)
      return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks)
      take(block, heard);
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Never returns. OPENED is called when events begin to flow, CLOSED(error) when they have ended.
export async function listen(heard, opened, closed) {
  for (let tries = 0; ; tries++) {
    const abort = new AbortController();
    try {
      const answer = await fetch('events', { headers: headers(), cache: 'no-store', signal: abort.signal });
      if (!answer.ok)
        throw new Refused(answer.status, await answer.json().catch(() => null));
      opened();
      tries = 0;
      await readAll(answer.body, heard, abort);
      closed(null);
    } catch (error) {
      closed(error);
    }
    abort.abort();
    await pause(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
  }
}
