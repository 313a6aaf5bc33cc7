// The switches: each asks back, says what it will do and to what, and shows the answer as it came.
import { $, el, words } from './base.js';
import { post, token } from './live.js';

const texts = {
  cutover: { title: 'Cut over to combined_v3?', yes: 'Cut over',
    text: (s) => `combined_v3 will decide on the next alert instead of ${s.active || 'nobody'}. The other plugin stays warm.` },
  rollback: { title: 'Roll back to legacy_v3?', yes: 'Roll back',
    text: (s) => `legacy_v3 will decide on the next alert${s.active ? ' instead of ' + s.active : ''}. This needs no gate.` },
  pause: { title: 'Pause trading?', yes: 'Pause',
    text: () => 'No new position is opened until trading is resumed. Closing goes on.' },
  resume: { title: 'Resume trading?', yes: 'Resume', text: (s) => (s.killed ? 'The kill is lifted, and orders are sent again.' : 'Entries are carried out again.') },
  test_alert: { title: 'Send a test alert?', yes: 'Send', reason: false,
    text: () => 'It goes the whole way to the executor and ends there as TEST. No order is made.' },
  close_all: { title: 'Close all positions?', yes: 'Close all', danger: true,
    text: (s) => `All open positions of this strategy (${s.positions}) are closed at the market.` },
  kill: { title: 'Kill trading?', yes: 'Kill', danger: true,
    text: () => 'Nothing is sent to the broker any more but closes by hand, until a person lifts it.' },
};

let current = null;
let done = () => {};

export function gateList(conditions) {
  return conditions.map((c) => el('li', { class: c.holds ? 'holds' : 'fails' },
      el('strong', {}, (c.holds ? '✓ ' : '✗ ') + words(c.name)), ' ', el('span', { class: 'dim' }, c.text)));
}

function showToken(show) {
  $('ask-token-row').hidden = !show;
  $('ask-token').required = show;
  if (show)
    $('ask-token').value = '';
}

// NAME: of TEXTS, or "token". STATE: {active, epoch, killed, positions, gate}.
export function openQuestion(name, state) {
  const question = texts[name];
  const gate = name === 'cutover' && state.gate ? state.gate : null;

  current = { name, state };
  $('ask-h').textContent = question ? question.title : 'Admin token';
  $('ask-text').textContent = question ? question.text(state)
    : 'Switches from a browser need it, and so does reading from another machine.';
  $('ask-yes').textContent = question ? question.yes : 'Keep';
  $('ask-yes').className = question && question.danger ? 'danger' : 'go';
  $('ask-gate').replaceChildren(...(gate ? gateList(gate.conditions.filter((c) => !c.holds)) : []));
  $('ask-gate').hidden = !gate || gate.passes;
  $('ask-force').checked = false;
  $('ask-force-row').hidden = !gate || gate.passes;
  $('ask-reason').value = '';
  $('ask-reason').required = false;
  $('ask-reason-row').hidden = !question || question.reason === false;
  $('ask-answer').textContent = '';
  $('ask-answer').className = '';
  $('ask-yes').disabled = false;
  $('ask-no').textContent = 'Cancel';
  showToken(!question || !token.get());
  $('ask').showModal();
}

function say(good, message) {
  $('ask-answer').textContent = message;
  $('ask-answer').className = good ? 'good' : 'bad';
}

function parameters() {
  const body = {};

  if ($('ask-reason').value.trim())
    body.reason = $('ask-reason').value.trim();
  if ($('ask-force').checked)
    body.force = true;
  // what the person saw is what is switched from, or nothing is
  if (current.name === 'cutover' && current.state.epoch)
    body.expected_epoch = current.state.epoch;
  if (current.name === 'resume' && current.state.killed)
    body.kill = 'off';
  return body;
}

async function send() {
  $('ask-yes').disabled = true;
  say(true, 'Sent …');
  try {
    const answer = await post('admin/' + current.name, parameters());
    const good = answer.status === 'done' || answer.status === 'unchanged';

    say(good, `${words(answer.status)} in ${answer.ms} ms` +
        (answer.error ? ': ' + answer.error.message : answer.alert ? ': ' + words(answer.alert.state) : ''));
    $('ask-no').textContent = 'Close';
    $('ask-no').focus();
  } catch (error) {
    if (error.status === 401) {
      token.set('');
      showToken(true);
      say(false, 'Refused: that is not the admin token.');
      $('ask-token').focus();
    } else {
      say(false, (error.status ? 'Refused: ' : 'No answer: ') + error.message);
    }
    $('ask-yes').disabled = false;
  }
  done();
}

function submit(event) {
  event.preventDefault();
  if (!$('ask-token-row').hidden)
    token.set($('ask-token').value.trim());
  if (current.name === 'token') {
    $('ask').close();
    done();
    return;
  }
  send();
}

// AFTER: called when something was sent, or the token has changed.
export function wireQuestions(after) {
  done = after;
  $('ask-form').addEventListener('submit', submit);
  $('ask-force').addEventListener('change', () => { $('ask-reason').required = $('ask-force').checked; });
  for (const button of document.querySelectorAll('dialog [data-close]'))
    button.addEventListener('click', () => button.closest('dialog').close());
  // the token does not stay in a field behind a closed dialog
  $('ask').addEventListener('close', () => { $('ask-token').value = ''; });
}
