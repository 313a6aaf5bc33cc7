"""telegram-controller against a strict Bot API, with the whole system behind it.

  python3 test_controller.py UMBRA

One line for what has held; the first thing that does not ends it. Everything waits for conditions.
UMBRA_BOT_KILLS: how often the controller is killed between receiving and acting.
"""
import concurrent.futures
import json
import os
import random
import signal
import sys
import time

sys.dont_write_bytecode = True

from rig import ADMIN, GROUP, MAIN, OTHER, OWN, SLOW, TRADER, VIEWER, Failed, Rig, fetch, until  # noqa: E402

KILLS = int(os.environ.get("UMBRA_BOT_KILLS", "20"))
WITHIN_S = 5.0 if SLOW else 1.0


def quickly(rig):
    took = []
    for user in (ADMIN, TRADER, VIEWER):
        began = time.monotonic()
        rig.answer("/version", "Umbra 0", user)
        took.append(time.monotonic() - began)
    if min(took) > WITHIN_S:  # the others tell how busy the machine is
        raise Failed(f"answered after {took} s")
    rig.passed("a command is answered within a second")


def ask(rig):
    asked = [(text, what, (ADMIN, TRADER, VIEWER)[number % 3]) for number, (text, what) in enumerate((
        ("/start", "Good day"), ("/status", "equity"), ("/help", "/daily"), ("/health", "strategy-v3"), ("/trades", "open"),
        ("/risk", "lifetime loss"), ("/shadow", "gate"), ("/plugins", "legacy_v3"), ("/alert nonsense", "26 characters"),
        ("/nosuch", "There is no"), ("/close", "it takes: TICKET"), ("good day", "/help has all"), ("/backup", "done"),
        ("/settle x filled", "cl_ord_id")))]
    after = rig.last()
    for text, what, chat in asked:
        rig.write(text, chat)
    for text, what, chat in asked:  # health gives /backup 30 s
        rig.hears(what, chat, after, 60)
    rig.answer("/help", "/cutover")
    rig.answer("/alert", "", VIEWER)
    rig.passed("each question has its answer")
    names = [b["text"] for row in rig.answer("/start", "Good day")["reply_markup"]["inline_keyboard"] for b in row]
    if "rollback" not in names or not rig.ctl("stats")["commands"]["OwnBot"]:
        raise Failed(f"the menu: {names}")
    menu = rig.last()
    rig.press("c:status", {"message_id": menu})
    rig.hears("equity", ADMIN, menu)
    rig.passed("the menu's buttons are commands")


def trade(rig):
    """A position, seen and closed by buttons alone; its alert's trail."""
    body = {"type": "entry_v3", "signal_type": "Momentum_Breakout", "symbol": "EURUSD", "direction": "buy", "price": 1.085,
            "sl_price": 1.0839, "tf": "15", "consensus_score": 5, "position_multiplier": 0.2, "id": "controller"}
    answer = rig.command("alert", json.dumps(body))
    alert = json.loads(answer[answer.index("{"):])["alert_id"]
    until("it is traded", lambda: '"state":"filled"' in rig.command("trace", "--json", alert, may_fail=True))
    rig.answer("/alert " + alert, "EURUSD")
    buttons = lambda: (rig.answer("/trades", "open").get("reply_markup") or {}).get("inline_keyboard")
    rows = until("there is a button to close it", buttons)
    listed = rig.last()
    rig.press(rows[0][0]["callback_data"], {"message_id": listed})
    question = rig.hears("sure?", ADMIN, listed)
    rig.press(question["reply_markup"]["inline_keyboard"][0][0]["callback_data"], question)
    rig.hears("done", ADMIN, question["message_id"])
    until("it is closed", lambda: not buttons())
    rig.passed("a position is seen, and closed by buttons; /alert tells its trail")


def ask_early(rig):
    """Questions that wait until they have expired."""
    rig.early = {text: rig.ask_back(text) for text in ("/kill", "/rollback", "/setrisk daily_cap 1400")}
    rig.early_at = time.monotonic()


def expired(rig):
    until("a minute is over", lambda: time.monotonic() - rig.early_at > 61, 90)
    kills, rollbacks = len(rig.audit("kill")), len(rig.audit("rollback"))
    for text in ("/kill", "/setrisk daily_cap 1400"):
        question, buttons = rig.early[text]
        after = rig.last()
        rig.press(buttons[0], question)
        rig.hears("expired", ADMIN, after)
    if len(rig.audit("kill")) != kills or rig.audit("set_risk")[-1:] and "1400" in json.dumps(rig.audit("set_risk")):
        raise Failed("an expired question was carried out")
    question, buttons = rig.early["/rollback"]
    after = rig.last()
    rig.kill_now()
    rig.press(buttons[0], question)
    rig.hears("(strategy-v3)", ADMIN, after)
    counts(rig, "rollback", rollbacks + 1)
    rig.passed("a question expires; a /rollback confirmed while the bot was away is carried out")


def counts(rig, command, wanted):
    """Health reads of a command by itself, not before it is answered."""
    until(f"{wanted} x {command} in the audit", lambda: len(rig.audit(command)) >= wanted)
    if len(rig.audit(command)) != wanted:
        raise Failed(f"{command}: {len(rig.audit(command))} times instead of {wanted}")


def people(rig):
    rig.answer("/pause", "not for you", VIEWER)
    rig.answer("/rollback", "not for you", TRADER)
    names = [b["text"] for row in rig.answer("/start", "Good day", VIEWER)["reply_markup"]["inline_keyboard"]
             for b in row]
    if "kill" in names:
        raise Failed("a viewer is offered /kill")
    after = rig.last()
    rig.write("/pause", 666)
    rig.write("/pause", TRADER, GROUP)
    rig.write("/version@OtherBot", ADMIN, GROUP)
    rig.write("good day", ADMIN, GROUP)
    rig.answer("/version@OwnBot", "Umbra 0", ADMIN, chat=GROUP)
    if [m for m in rig.messages(GROUP, after) if "Umbra 0" not in m["text"]] or rig.messages(666) or rig.audit("pause"):
        raise Failed("a stranger was heard, or a group answered for nothing")
    rig.passed("roles by user and chat; strangers get silence")


def in_turn(rig, user, *steps):
    for text, what in steps:
        rig.confirm(text, what, user)


def act(rig):
    """Three people at once, as each chat is paced."""
    begun = rig.last()
    settle = "/settle 0123456789ABCDEF not_executed"
    rig.answer("/pause lunch", "done", TRADER)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for done in [pool.submit(in_turn, rig, *steps) for steps in (
                (TRADER, ("/resume", "done"), ("/kill", "done"), ("/resume kill off", "done")),
                (OTHER, ("/closeall", "order-executor"), ("/close 123456", "order-executor"), (settle, "refused")),
                (ADMIN, ("/setrisk daily_cap 1500", "done"), ("/rollback", "(strategy-v3)"),
                 ("/cutover force a drill", "done"), ("/cutover", "unchanged"), ("/enable nosuch", "unknown_plugin"),
                 ("/disable combined_v3", "strategy-v3"),
                 ("/enable legacy_v3", "strategy-v3")))]:
            done.result()
    rig.passed("each switch asks back, acts, and its result comes back")
    for command in ("/cutover", "/enable"):
        told = [m["text"] for m in rig.messages(ADMIN, begun) if f"{command}: " in m["text"]]
        if len(told) != 2:
            raise Failed(f"{command}, asked twice, was answered by {told}")
    rig.passed("and once, where nothing changes, too")
    question = rig.answer("/kill", "sure?")
    yes, no = (b["callback_data"] for b in question["reply_markup"]["inline_keyboard"][0])
    rig.press(yes, question, TRADER)
    rig.hears("not asked of you", TRADER)
    rig.press(no, question)
    rig.hears("not done", ADMIN, question["message_id"])
    rig.press(yes, question)
    rig.hears("answered already", ADMIN, question["message_id"])
    if len(rig.audit("kill")) != 1:
        raise Failed("a No has killed")
    rig.passed("a question is for who was asked, once")


def unanswered(rig):
    """Who commands a service that is away hears that, and later what came of it."""
    executor = rig.pid("order-executor")
    after = rig.last()
    os.kill(executor, signal.SIGSTOP)
    try:
        rig.write("/pause away")
        rig.hears("no answer", ADMIN, after)
    finally:
        os.kill(executor, signal.SIGCONT)
    rig.hears("done", ADMIN, after)
    if sum("no answer" in m["text"] for m in rig.messages(ADMIN, after)) != 1:
        raise Failed("said more than once")
    rig.confirm("/resume", "done")
    rig.passed("a service that is away: no answer yet, said once, and its answer when it is back")


def overdue(rig):
    """A switch that nobody could judge in its time: told when that is over, and by health when it knows."""
    active = lambda: fetch(f"{rig.ops}/api/route")["active"]
    before = active()
    question, buttons = rig.ask_back("/cutover force away")
    health, after = rig.pid("health"), question["message_id"]
    os.kill(health, signal.SIGSTOP)
    try:
        rig.press(buttons[0], question)
        rig.hears("no answer", ADMIN, after)
    finally:
        os.kill(health, signal.SIGCONT)
    rig.hears("deadline_passed", ADMIN, after)
    rig.answer("/version", "Umbra 0")
    told = [m["text"] for m in rig.messages(ADMIN, after) if "/cutover: " in m["text"]]
    if len(told) != 2 or "it is void" not in told[0] or "refused (health)" not in told[1] or active() != before:
        raise Failed(f"{before} became {active()}, and told was {told}")
    rig.passed("a switch whose time is over: said once, and once more when it is known that nothing was done")


def stale(rig):
    old = int(time.time()) - 120
    rig.answer("/closeall", "too late", date=old)
    before = len(rig.audit("pause"))
    rig.answer("/pause", "pause", date=old)
    counts(rig, "pause", before + 1)
    rig.answer("/kill", "sure?", date=old)
    rig.passed("what is older than 60 s is not carried out, but for /pause and /kill")


def hostile(rig):
    for update in ({}, {"message": []}, {"message": {"text": "/pause", "from": {}, "chat": None}},
                   {"callback_query": {"id": "1", "data": "y:", "from": {"id": ADMIN}, "message": {
                       "message_id": 1, "chat": {"id": ADMIN, "type": "private"}}}}):
        rig.ctl("raw", {"token": OWN, "update": update})
    rig.write("/close " + "9" * 900)
    rig.write("/setrisk <b> &amp;")
    rig.answer("/<script>", "")
    rig.answer("/version", "Umbra 0")
    for kind in ("500", "html", "garbage", "drop", "429"):
        rig.ctl("fault", {"kind": kind, "method": "getUpdates", "token": OWN})
        rig.answer("/version", "Umbra 0")
    for kind in ("markup", "drop", "500", "garbage", "429"):
        rig.ctl("fault", {"kind": kind, "method": "sendMessage", "token": OWN})
        rig.answer("/version", "Umbra 0")
    rig.passed("odd updates and a Bot API that fails do no harm")


def conflict(rig):
    fetch(f"{rig.base}/bot{OWN}/getUpdates", {"timeout": 0})
    told = lambda: "telegram_conflict" in json.dumps(fetch(f"{rig.ops}/api/alarms"))
    until("a second poller is told", told)
    rig.answer("/version", "Umbra 0")
    until("and told to be gone", lambda: not told())
    rig.passed("at 409 it steps down, says so, and comes back")


def fallback(rig):
    until("its own bot is at work", lambda: rig.bots() == ["controller", "main"])
    rig.ctl("token", {"token": OWN, "valid": False})
    until("the main bot is polled", lambda: (rig.write("/version", token=MAIN), time.sleep(0.3),
          rig.messages(ADMIN, 0, MAIN))[2])
    until("health knows", lambda: rig.bots() == ["main"])
    rig.ctl("token", {"token": OWN, "valid": True})
    until("its own bot is back", lambda: (rig.write("/risk"), time.sleep(1.1), [
        m for m in rig.messages(ADMIN, rig.mark) if "daily loss" in m.get("text", "")])[2])
    rig.passed("the main bot takes over, and gives back")


def renumbered(rig):
    """As after a quiet week: nothing waits to be confirmed. What came before has an id that is higher."""
    until("all is confirmed", lambda: not rig.ctl("stats")["unconfirmed"]["OwnBot"])
    before = len(rig.audit("pause"))
    rig.ctl("renumber", {"token": OWN, "next": 5})
    rig.answer("/pause", "order-executor")
    counts(rig, "pause", before + 1)
    rig.passed("update ids may start anew")


def at_any_moment():
    """Mostly while it takes the update, at times while it answers or confirms."""
    time.sleep(random.uniform(0, random.choice((0.004, 0.02, 0.1))))


def asked_again(rig, bot):
    """Killed between asking health and its answer."""
    health, after = rig.pid("health"), rig.last()
    os.kill(health, signal.SIGSTOP)
    try:
        rig.write("/status", VIEWER)
        rig.write("/backup")
        until("it has taken them", lambda: not rig.ctl("stats")["unconfirmed"]["OwnBot"])
        bot = again(rig, bot)
    finally:
        os.kill(health, signal.SIGCONT)
    rig.hears("equity", VIEWER, after)
    rig.hears("look whether it was done", ADMIN, after)
    rig.passed("what was asked and not answered is asked again behind a kill, but for what does something")
    return bot


def killed(rig):
    rig.down()
    rig.up(rig.options, "--without", "telegram-controller")
    pauses, enables = len(rig.audit("pause")), len(rig.audit("enable_plugin"))
    bot, begun = asked_again(rig, rig.run()), rig.last()
    for n in range(KILLS // 2):
        after = rig.last()
        rig.write(f"/pause {n}", TRADER)  # each chat has a pace of its own
        rig.write("/status", VIEWER)
        at_any_moment()
        bot = again(rig, bot)
        rig.hears("/pause", TRADER, after)
        rig.hears("equity", VIEWER, after)
        question = rig.answer("/enable legacy_v3", "sure?")
        rig.press(question["reply_markup"]["inline_keyboard"][0][0]["callback_data"], question)
        at_any_moment()
        bot = again(rig, bot)
        rig.hears("/enable", ADMIN, question["message_id"])
        counts(rig, "pause", pauses + n + 1)
        counts(rig, "enable_plugin", enables + n + 1)
    rig.passed(f"killed {KILLS // 2 * 2} times between receiving and acting: each acts once")
    answers = len([m for m in rig.messages(VIEWER, begun) if "equity" in m["text"]])
    if answers > KILLS // 2 * 1.5:  # where Telegram took one and its word was lost it is said again
        raise Failed(f"/status: {answers} answers to {KILLS // 2}")
    rig.passed(f"and each /status is answered: {answers} times in all")


def again(rig, bot):
    rig.end(bot)
    return rig.run()


def main():
    rig, failed = Rig(sys.argv[1], {"own": OWN, "main": MAIN}), True
    try:
        rig.options = {"telegram.controller_token_file": rig.token("own"),
                       "telegram.main_token_file": rig.token("main"), "telegram-notify.enabled": "no"}
        rig.up(rig.options)
        until("the controller runs", rig.pid, 30)
        quickly(rig)
        ask_early(rig)
        ask(rig)
        trade(rig)
        people(rig)
        act(rig)
        unanswered(rig)
        overdue(rig)
        stale(rig)
        hostile(rig)
        conflict(rig)
        rig.mark = rig.last()
        fallback(rig)
        renumbered(rig)
        expired(rig)
        killed(rig)
        if "own-token" in rig.log("telegram-controller"):
            raise Failed("a token in the log")
        rig.passed("no token in the log")
        failed = False
    except Failed as why:
        print(f"after {rig.checks} checks: FAIL {why}", flush=True)
        if os.environ.get("UMBRA_SHOW"):
            print(json.dumps([m.get("text") for m in rig.messages(ADMIN)][-6:], indent=1))
    finally:
        rig.finish(failed)
    sys.exit(failed)


main()
