"""The three bots by whatever tokens there are: none, one for all, copies of one, one each; and falling back.

  python3 test_modes.py UMBRA

One line for what has held; the first thing that does not ends it. Everything waits for conditions.
"""
import json
import random
import re
import sys
import time

sys.dont_write_bytecode = True

from rig import ADMIN, Failed, Rig, TRADER, VIEWER, until  # noqa: E402

SERVICES = ("telegram-controller", "telegram-notify", "telegram-analytics")
BOTS = ["controller", "notification", "analytics"]
CONTROLLER, NOTIFICATION, ANALYTICS, MAIN = "3001:controller-key", "3002:notification-key", "3003:analytics-key", \
    "3004:main-key"
TOKENS = {"controller": CONTROLLER, "notification": NOTIFICATION, "analytics": ANALYTICS, "main": MAIN}
TELL = {"telegram.notify_chats": ADMIN, "telegram.report_chats": ADMIN, "mt5-demo.volatility": 0}


def files(rig, *names):
    return {f"telegram.{name}_token_file": rig.token(name) for name in names}


def bots_are(rig, *names):
    until(f"/health has {names}", lambda: sorted(rig.bots()) == sorted(names), 30)


def stats(rig):
    return rig.ctl("stats")


def said(rig, token, what, after=0):
    return [m for m in rig.messages(ADMIN, after, token) if what in m.get("text", m.get("caption", ""))]


def heard(rig, token, what, after, seconds=30):
    until(f"{token} says {what!r}", lambda: said(rig, token, what, after), seconds)


def expect(condition, what):
    if not condition:
        raise Failed(what)


def trade(rig):
    body = {"type": "entry_v3", "signal_type": "Momentum_Breakout", "symbol": "EURUSD", "direction": "buy", "price": 1.085,
            "sl_price": 1.0839, "tf": "15", "consensus_score": 5, "position_multiplier": 0.2,
            "id": f"modes{time.monotonic_ns()}"}
    answer = rig.command("alert", json.dumps(body))
    alert = json.loads(answer[answer.index("{"):])["alert_id"]
    try:
        until("it is traded", lambda: '"state":"filled"' in rig.command("trace", "--json", alert, may_fail=True))
    except Failed as why:
        raise Failed(f"{why}\n{rig.command('trace', alert, may_fail=True)}") from why
    until("it is closed", lambda: "executed" in rig.command("close", may_fail=True) or
          '"open_trades":0' in rig.command("status", "--json"))


def without(rig):
    rig.up({"telegram.controller_token_file": "", "telegram.notification_token_file": "",
            "telegram.analytics_token_file": "", "telegram.main_token_file": ""})
    for service in SERVICES:
        until(f"{service} says that it is off", lambda service=service: "telegram_off" in rig.log(service))
        expect(rig.log(service).count("telegram_off") == 1, f"{service} says so more than once")
    bots_are(rig)
    trade(rig)
    expect(sum(stats(rig)["calls"].values()) == 0, "somebody called")
    rig.down()
    rig.passed("without a token the bots are off, say so once, and all else runs")


def relayed(rig, token):
    """Each command of another bot, asked of the one that is polled; in several chats, each of which is paced."""
    asked = [(text, what, (ADMIN, TRADER, VIEWER)[number % 3]) for number, (text, what) in enumerate((
        ("/daily", "Today"), ("/weekly", "This week"), ("/monthly", "This month"), ("/pnl", "Results"),
        ("/symbols", "By symbol"), ("/plugins 7", "By route"), ("/latency", "Alert to fill"), ("/parity", "arity"),
        ("/equity", "quity")))]
    asked += [("/mute squeeze", "squeeze", TRADER), ("/unmute squeeze", "Told again", TRADER), ("/quiet", "Quiet", ADMIN),
              ("/mute squeeze", "not for you", VIEWER)]
    after = rig.last()
    for text, what, chat in asked:
        rig.write(text, chat, token=token)
    for text, what, chat in asked:
        rig.hears(what, chat, after, token=token)


def restarted(rig, token):
    """Either side dies in the middle: answered once."""
    for service, text, what in (("telegram-analytics", "/pnl", "Results"), ("telegram-notify", "/quiet off", "No quiet"),
                                ("telegram-controller", "/monthly", "This month")):
        after = rig.last()
        rig.write(text, TRADER, token=token)
        rig.kill(service)
        answers = lambda after=after, what=what: [m for m in rig.messages(TRADER, after, token)
                                                  if what in m.get("text", m.get("caption", ""))]
        until(f"{text} is answered", answers, 30)
        rig.answer("/version", "Umbra 0", TRADER, token=token)
        count = len(answers())
        expect(count == 1, f"{text} was answered {count} times")


def event(rig, number):
    """Something that telegram-notify tells."""
    rig.command("pause" if number % 2 else "resume")


def together(rig, token, rounds):
    """All three have something to say in the same chat, by the same bot. An even number: it ends resumed."""
    for number in range(rounds):
        after = rig.last()
        rig.write("/version", token=token)
        rig.write("/pnl", token=token)
        event(rig, number + 1)
        for what in ("Umbra 0", "Results", "Resumed" if number % 2 else "Entries paused"):
            heard(rig, token, what, after)
        not_too_fast(rig)


def not_too_fast(rig):
    expect(not stats(rig).get("earned_429"), "they were too fast for Telegram")


def single(rig):
    rig.up({**files(rig, "main"), **TELL})
    bots_are(rig, "main")
    rig.answer("/version", "Umbra 0", token=MAIN)
    relayed(rig, MAIN)
    rig.answer("/pause lunch", "done", token=MAIN)
    rig.confirm("/resume", "done", token=MAIN)
    restarted(rig, MAIN)
    together(rig, MAIN, 2)
    expect(not stats(rig).get("conflicts"), "two have polled")
    rig.down()
    rig.passed("one token for all three: the controller polls, and hands over; each is answered once")


def copies(rig):
    rig.up({"telegram.controller_token_file": rig.token("main"), "telegram.notification_token_file": rig.token("copy"),
            "telegram.analytics_token_file": rig.token("third"), "telegram.main_token_file": "", **TELL})
    bots_are(rig, *BOTS)
    relayed(rig, MAIN)
    restarted(rig, MAIN)
    together(rig, MAIN, 2)
    expect(not stats(rig).get("conflicts"), "two have polled")
    rig.down()
    rig.passed("the same token in three files: nobody polls it twice")


def disabled(rig):
    before = stats(rig)["calls"]
    rig.up({**files(rig, *TOKENS), "multi_telegram.enabled": "no", **TELL})
    bots_are(rig, "main")
    rig.answer("/daily", "Today", token=MAIN)
    rig.answer("/quiet", "Quiet", token=MAIN)
    rig.answer("/version", "Umbra 0", token=MAIN)
    after = stats(rig)["calls"]
    expect(all(after[name] == before[name] for name in after if name != "MainBot"), f"others were called: {after}")
    rig.down()
    rig.passed("multi_telegram.enabled=no: the main bot, and no other, for all three")


def all_on(rig, number, controller, notification, analytics):
    """Each role is asked, or has something to say, and is heard by these."""
    after = rig.last()
    rig.write("/version", token=controller)
    heard(rig, controller, "Umbra 0", after)
    event(rig, number)
    heard(rig, notification, "Entries paused" if number % 2 else "Resumed", after)
    rig.write("/pnl", token=analytics)
    heard(rig, analytics, "Results", after)


def fall(rig, role, break_it, heal):
    """ROLE's token stops working and comes back."""
    own, after = TOKENS[role], rig.last()
    others = [bot for bot in BOTS if bot != role]
    break_it()
    bots_are(rig, *others, "main")
    until("an alarm says so", lambda: "telegram_fallback" in rig.alarms())
    until("the main bot says so", lambda: said(rig, MAIN, "telegram_fallback", after) or
          said(rig, NOTIFICATION, "telegram_fallback", after))
    using = {bot: MAIN if bot == role else TOKENS[bot] for bot in BOTS}
    all_on(rig, 1, using["controller"], using["notification"], using["analytics"])
    heal()
    bots_are(rig, *BOTS)
    until("the alarm ends", lambda: "telegram_fallback" not in rig.alarms())
    all_on(rig, 0, CONTROLLER, NOTIFICATION, ANALYTICS)
    expect(said(rig, own, "", after), f"{role} says nothing by its own bot")


def falling(rig):
    rig.up({**files(rig, *TOKENS), **TELL, "multi_telegram.enabled": "yes"})
    bots_are(rig, *BOTS)
    all_on(rig, 1, CONTROLLER, NOTIFICATION, ANALYTICS)
    all_on(rig, 0, MAIN, NOTIFICATION, ANALYTICS)
    rig.passed("each by its own bot, and the main one is heard all the same")
    for role in BOTS:
        fall(rig, role, lambda role=role: rig.ctl("token", {"token": TOKENS[role], "valid": False}),
             lambda role=role: rig.ctl("token", {"token": TOKENS[role], "valid": True}))
        rig.passed(f"{role}: 401, falls back to the main bot, says so, and comes back")
    for role in BOTS:
        fall(rig, role, lambda role=role: rig.ctl("fault", {"token": TOKENS[role], "kind": "404", "count": 10 ** 6}),
             lambda: rig.ctl("heal", {}))
    rig.passed("each of them with a 404 too")


def fallen(rig):
    """No token is accepted any more, and then all are."""
    for token in TOKENS.values():
        rig.ctl("token", {"token": token, "valid": False})
    bots_are(rig)
    after = rig.last()
    event(rig, 1)
    rig.write("/version", token=CONTROLLER)
    time.sleep(1)
    for token in TOKENS.values():
        rig.ctl("token", {"token": token, "valid": True})
    bots_are(rig, *BOTS)
    heard(rig, CONTROLLER, "Umbra 0", after)
    heard(rig, NOTIFICATION, "Entries paused", after)
    rig.passed("with no token accepted they wait, and lose nothing")


def killed(rig, kills=4, a_kill=6):
    """A flood of commands, and telegram-analytics dies in the middle of it, again and again."""
    after, began, repeats = rig.last(), time.time(), 0
    days = iter(range(2, 100))
    dates = []
    for _ in range(kills):
        for number in range(a_kill):
            days_ago = next(days)
            rig.write(f"/symbols {days_ago}", token=ANALYTICS)
            dates.append(time.strftime("%d %b", time.gmtime(began - days_ago * 86400)))
            if number == a_kill // 2:
                time.sleep(random.uniform(0, 0.3))
                rig.kill_now("telegram-analytics")
                # of the last one before it the answer may be what got lost
                heard_last = said(rig, ANALYTICS, "Symbols  ", after)
                repeats += sum(m["text"].count("Symbols  ") for m in heard_last[-1:])
        until("it speaks again", lambda: len(said(rig, ANALYTICS, "Symbols  ", after)) > len(heard_last), 40)
    texts = lambda: "\n".join(m["text"] for m in said(rig, ANALYTICS, "Symbols  ", after))
    for date in dates:
        until(f"the symbols since {date} are told", lambda date=date: f"Symbols  {date} " in texts(), 40)
    heard_again(rig)
    told = texts().count("Symbols  ")
    expect(len(dates) <= told <= len(dates) + repeats, f"{told} answers to {len(dates)}, {repeats} may be repeats")
    rig.passed(f"{len(dates)} commands, telegram-analytics {kills} times killed: {told} answers, {repeats} may be repeats")


def heard_again(rig):
    """Whatever it had to say before that is said."""
    after = rig.last()
    rig.write("/pnl", token=ANALYTICS)
    heard(rig, ANALYTICS, "Results", after)


def silent(rig):
    """Nobody is answered, and each call hangs."""
    after = rig.last()
    event(rig, 0)
    heard(rig, NOTIFICATION, "Resumed", after)
    for token in TOKENS.values():
        for method in ("sendMessage", "getUpdates"):
            rig.ctl("fault", {"token": token, "method": method, "kind": "hang", "seconds": 5, "count": 10 ** 6})
    after = rig.last()
    trade(rig)
    expect(not rig.messages(ADMIN, after, NOTIFICATION), "somebody was told")
    rig.ctl("heal", {})
    heard(rig, NOTIFICATION, "BUY 0.01 EURUSD", after)
    heard(rig, NOTIFICATION, "losed BUY 0.01 EURUSD", after)
    rig.passed("with Telegram silent an alert is traded as ever, and told afterwards")


def small(rig):
    """In a build without sanitizers."""
    sizes = []
    for service in SERVICES:
        place = f"/proc/{rig.pid(service)}"
        with open(f"{place}/maps", encoding="utf-8") as maps:
            if "libasan" in maps.read():
                return
        with open(f"{place}/smaps_rollup", encoding="utf-8") as file:
            sizes.append(int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M).group(1)))
    expect(max(sizes) < 10 * 1024, f"{sizes} KiB")
    rig.passed(f"none takes 10 MB: {', '.join(map(str, sizes))} KiB")


def quiet_about_tokens(rig):
    for service in SERVICES + ("health",):
        for token in TOKENS.values():
            expect(token.split(":")[1] not in rig.log(service), f"a token in the log of {service}")
    not_too_fast(rig)
    rig.passed("no token in a log, and no limit of Telegram was hit")


def main():
    rig, failed = Rig(sys.argv[1], {**TOKENS, "copy": MAIN, "third": MAIN}), True
    try:
        for part in (without, single, copies, disabled, falling, killed, fallen, silent, small, quiet_about_tokens):
            part(rig)
        failed = False
    except Failed as why:
        print(f"after {rig.checks} checks: FAIL {why}", flush=True)
        print(json.dumps([(m["from"]["first_name"], m.get("text", m.get("caption"))) for m in rig.ctl("messages")][-12:],
                         indent=1), rig.bots(), stats(rig))
    finally:
        rig.finish(failed)
    sys.exit(failed)


main()
