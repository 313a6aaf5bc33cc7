"""What telegram-notify tells, with the whole system behind it: each kind of event as it comes about by itself.

  python3 test_events.py UMBRA MT5-DEMO

One line for what has held; the first thing that does not ends it. Everything waits for conditions.
"""
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True

from rig import ADMIN, OWN, Failed, Rig, until  # noqa: E402

MT5_DEMO = sys.argv[2]
VOICE, NUMBERS = "2003:voice", "2004:numbers"
WEST, EAST = "Pacific/Pago_Pago", "Pacific/Kiritimati"


def said(rig, what, after):
    return [m for m in rig.messages(ADMIN, after) if what.lower() in m.get("text", "").lower()]


def hears(rig, what, after, seconds=30):
    """In a message of its own, or as a line of a digest, which may say it in other words."""
    ways = what if isinstance(what, tuple) else (what,)
    until(f"it is told: {what}", lambda: any(said(rig, one, after) for one in ways), seconds)


def broker(rig, *command):
    done = subprocess.run([MT5_DEMO, "ctl", "--control", f"ipc://{rig.state}/run/mt5-demo/control", " ".join(command)],
                          check=False, capture_output=True, text=True)
    if done.returncode or done.stdout.startswith("error"):
        raise Failed(f"mt5-demo: {command}: {done.stdout}{done.stderr}")
    return done.stdout


def entry(rig, symbol, side, price, signal_type="Momentum_Breakout", **more):
    way = -1 if side == "buy" else 1
    body = {"type": "entry_v3", "signal_type": signal_type, "symbol": symbol, "direction": side, "price": price,
            "sl_price": round(price * (1 + way * 0.001), 5), "tf": "15", "consensus_score": 5, "position_multiplier": 0.2,
            "id": f"e{time.monotonic_ns()}", **more}
    return rig.command("alert", json.dumps(body))


def ticket_of(rig, symbol):
    return next(str(p["ticket"]) for p in json.loads(broker(rig, "positions")) if p["symbol"] == symbol)


def leave(rig, symbol):
    rig.command("alert", json.dumps({"type": "exit_v3", "signal_type": "Bullish_Exit", "symbol": symbol, "tf": "15",
                                     "price": 1, "id": f"x{time.monotonic_ns()}"}))


def trades(rig):
    after = rig.last()
    entry(rig, "EURUSD", "buy", 1.085)
    entry(rig, "AUDJPY", "buy", 98)
    hears(rig, "BUY 0.01 EURUSD at", after)
    message = said(rig, "BUY 0.01 EURUSD", after)[0]["text"]
    for word in ("stop", "risk", "legacy_v3", "alert to fill", "position"):
        if word not in message:
            raise Failed(f"no {word} in {message}")
    hears(rig, "BUY 0.01 AUDJPY", after)
    leave(rig, "EURUSD")
    entry(rig, "AUDJPY", "sell", 98, "Liquidity_Trap_Reversal")
    hears(rig, "closed BUY 0.01 EURUSD", after)
    hears(rig, "reversal: closed BUY 0.01 AUDJPY", after)
    hears(rig, "SELL 0.01 AUDJPY", after)
    rig.passed("an entry with all a trader wants to know, an exit, a reversal")


def in_parts(rig):
    """Filled in part, closed in part, closed by somebody else first, and nothing there to close."""
    after = rig.last()
    broker(rig, "partial", "0.5", "symbol=GBPUSD")
    entry(rig, "GBPUSD", "buy", 1.27, position_multiplier=1)
    entry(rig, "NZDUSD", "buy", 0.605)
    leave(rig, "USDCAD")
    hears(rig, "of 0.02 lots asked for", after)
    hears(rig, "BUY 0.02 GBPUSD at", after)
    hears(rig, "BUY 0.01 NZDUSD at", after)
    hears(rig, "exit USDCAD: nothing to close", after)
    ticket = ticket_of(rig, "NZDUSD")
    broker(rig, "freeze")
    leave(rig, "NZDUSD")
    broker(rig, "close-position", ticket)
    broker(rig, "clear")
    broker(rig, "partial", "0.5", "n=2", "action=close", "symbol=GBPUSD")
    leave(rig, "GBPUSD")
    hears(rig, ("BUY NZDUSD was closed already", "BUY NZDUSD: was closed already"), after)
    hears(rig, ("Closed only 0.01 of 0.02 lots GBPUSD", "closed only 0.01 of 0.02 GBPUSD"), after)
    until("all of it is closed", lambda: "GBPUSD" not in broker(rig, "positions"))
    broker(rig, "clear")
    rig.passed("an entry in part, an exit in part, one that comes too late, one for nothing")


def by_the_broker(rig):
    after = rig.last()
    entry(rig, "GBPUSD", "buy", 1.27)
    entry(rig, "AUDUSD", "sell", 0.66)
    entry(rig, "NZDUSD", "buy", 0.605)
    for opened in ("BUY 0.01 GBPUSD", "SELL 0.01 AUDUSD", "BUY 0.01 NZDUSD"):
        hears(rig, opened, after)
    ticket = ticket_of(rig, "NZDUSD")
    broker(rig, "move-price", "GBPUSD", "1.25")
    broker(rig, "move-price", "AUDUSD", "0.658")
    broker(rig, "close-position", ticket)
    hears(rig, ("Stop hit: BUY 0.01 GBPUSD", "stop: BUY 0.01 GBPUSD"), after)
    hears(rig, ("Target hit: SELL 0.01 AUDUSD", "target: SELL 0.01 AUDUSD"), after)
    hears(rig, ("by hand at the terminal: BUY 0.01 NZDUSD", "by hand: BUY 0.01 NZDUSD"), after)
    rig.passed("a stop, a target, a deal by hand")


def differs(rig):
    """combined_v3 is strict here: what is too weak for it legacy_v3 trades."""
    after = rig.last()
    entry(rig, "NZDUSD", "buy", 0.605, consensus_score=3)
    hears(rig, "shadow combined_v3 differs on NZDUSD: only one of them trades", after)
    hears(rig, "BUY 0.01 NZDUSD at", after)
    leave(rig, "NZDUSD")
    hears(rig, "closed BUY 0.01 NZDUSD", after)
    rig.passed("a critical difference of the shadow")


def not_traded(rig):
    after = rig.last()
    entry(rig, "USDCAD", "buy", 1.36, position_multiplier=0.1)
    entry(rig, "USDCAD", "buy", 1.5)
    rig.command("alert", json.dumps({"type": "squeeze_v3", "signal_type": "Volatility_Squeeze", "symbol": "EURUSD",
                                     "tf": "15", "price": 1.085, "id": "s1"}))
    hears(rig, ("No entry: BUY USDCAD", "rejected BUY USDCAD"), after)
    hears(rig, ("Refused: BUY", "refused BUY"), after)
    hears(rig, "squeeze on EURUSD", after)
    broker(rig, "reject", "10019")
    entry(rig, "USDCAD", "buy", 1.36)
    hears(rig, "the broker rejected BUY 0.01 USDCAD", after)
    rig.command("resume")  # without money, entries halt
    broker(rig, "autotrading-off")
    entry(rig, "USDJPY", "buy", 150)
    hears(rig, "expired: BUY 0.01 USDJPY", after)
    broker(rig, "clear")
    rig.passed("rejected by the plugin, by a limit, by the broker; a squeeze; an expiry")


def to_settle(rig, symbol, after):
    told = until(f"a person must look at {symbol}", lambda: re.search(
        rf"(?i)a person must (?:look: |settle )BUY 0.01 {symbol}(?:\n.*/settle |, order )(\w{{16}})",
        "\n".join(m["text"] for m in said(rig, symbol, after))))
    return told[1]


def nobody_knows(rig):
    """Two of which nobody knows: a person says that neither was executed, and one of them was."""
    after = rig.last()
    for fault in (("snapshot", "failed", "n=all"), ("in-doubt",), ("lose-request", "symbol=EURJPY"),
                  ("timeout", "symbol=GBPJPY")):
        broker(rig, *fault)
    entry(rig, "EURJPY", "buy", 162)
    entry(rig, "GBPJPY", "buy", 190)
    for symbol in ("EURJPY", "GBPJPY"):
        hears(rig, f"outcome unknown: BUY 0.01 {symbol}", after)
    for symbol in ("EURJPY", "GBPJPY"):
        rig.confirm(f"/settle {to_settle(rig, symbol, after)} not_executed", "/settle: done")
        hears(rig, f"not executed after all: BUY 0.01 {symbol}", after)
    hears(rig, "over: order_manual", after)
    rig.passed("an outcome that nobody knows, settled from the phone; an alarm, and its end")
    broker(rig, "clear")
    hears(rig, ("Found a position of ours: BUY 0.01 GBPJPY", "found a position: BUY 0.01 GBPJPY"), after)
    hears(rig, "CRITICAL late_fill", after)
    leave(rig, "GBPJPY")
    hears(rig, "closed BUY 0.01 GBPJPY", after)
    if said(rig, "position of ours: BUY 0.01 EURJPY", after):
        raise Failed("what was lost is found")
    rig.passed("a position that is found at the broker")


def switches(rig):
    after = rig.last()
    rig.command("plugin", "disable", "combined_v3", may_fail=True)
    rig.command("cutover", "--force", "--reason", "a drill")
    hears(rig, ("🔀 Cutover", "• Cutover"), after)
    rig.command("rollback", "--reason", "back")
    hears(rig, ("🔀 Rollback", "• Rollback"), after)
    rig.confirm("/setrisk daily_cap 30", "/setrisk: done")
    rig.passed("cutover and rollback, with who and why")
    for command, told in ((("pause",), "Entries paused"), (("kill",), "Trading killed"),
                          (("resume", "--kill-off"), "Resumed"), (("close",), "Everything closed"),
                          (("plugin", "enable", "combined_v3"), "Plugin enabled"),
                          (("plugin", "disable", "combined_v3"), "Plugin disabled")):
        rig.command(*command, may_fail=True)
        hears(rig, told, after)
    hears(rig, ("Risk limits changed", "Order settled"), 0)
    rig.passed("each of the other switches")


def caps(rig):
    """A loss, and a cap that it is near to; then one more."""
    after = rig.last()
    lost = float(re.search(r"daily loss: ?(\S+)", rig.answer("/risk", "daily loss")["text"])[1])
    rig.confirm(f"/setrisk daily_cap {lost / 0.9:.2f}", "/setrisk: done")
    hears(rig, ("Near the daily risk cap", "daily loss "), after)
    rig.passed("a risk cap that is near")
    rig.confirm("/setrisk daily_cap 30", "/setrisk: done")
    after = rig.last()
    entry(rig, "EURUSD", "buy", 1.085)
    hears(rig, "BUY 0.01 EURUSD", after)
    broker(rig, "move-price", "EURUSD", "0.9")
    hears(rig, ("risk cap is hit", "loss cap hit"), after)
    rig.passed("a risk cap that is hit")


def lose(rig):
    """It is missed meanwhile."""
    rig.lost_after = rig.last()
    os.kill(until("it runs", lambda: rig.pid("strategy-v3-shadow")), signal.SIGSTOP)


def back(rig):
    try:
        hears(rig, "strategy-v3-shadow does not answer", rig.lost_after, 60)
    finally:
        os.kill(rig.pid("strategy-v3-shadow"), signal.SIGCONT)
    hears(rig, "strategy-v3-shadow is back", rig.lost_after, 60)
    rig.passed("a service that is lost, and back")


def muted(rig):
    """What is muted is not told; what is CRITICAL is, by every bot."""
    rig.answer("/mute all", "Muted", by=VOICE)
    after = rig.last()
    rig.command("pause", "--reason", "nobody is told")
    rig.command("resume")
    broker(rig, "reject", "10019")
    entry(rig, "EURJPY", "buy", 162)
    for token in (OWN, VOICE, NUMBERS):
        until(f"{token} says CRITICAL", lambda token=token: [m for m in rig.messages(ADMIN, after, token)
                                                             if "CRITICAL" in m.get("text", "")])
    if said(rig, "Entries paused", after) or said(rig, "EURJPY", after):
        raise Failed("what is muted was told")
    rig.answer("/unmute all", "Told again", by=VOICE)
    rig.command("resume")
    rig.passed("muted, all but what is CRITICAL, which comes by all three bots")


def local_minute(zone):
    return subprocess.run(["date", "+%H %M"], check=True, capture_output=True, text=True,
                          env={**os.environ, "TZ": zone}).stdout.split()


def move_to(rig, zone):
    """telegram-notify starts again, where the clock says something else."""
    path = os.path.join(rig.state, "umbra.ini")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub("(?m)^time_zone = .*", f"time_zone = {zone}", text))
    rig.kill("telegram-notify")


def by_the_clock(rig):
    """Quiet hours that end, and the end of the day. From WEST to EAST it is 25 hours: an hour, by the clock."""
    hour, minute = (int(n) for n in local_minute(WEST))
    minute += 60 * hour
    clock = lambda at: f"{at // 60 % 24:02}:{at % 60:02}"
    rig.answer(f"/quiet {clock(minute - 30 + 1440)}-{clock(minute + 30)}", "Quiet from", by=VOICE)
    after = rig.last()
    entry(rig, "EURJPY", "buy", 162)
    leave(rig, "EURJPY")
    hears(rig, "closed BUY 0.01 EURJPY", after)
    if any("closed" not in m["text"].lower() for m in said(rig, "BUY 0.01 EURJPY at", after)):
        raise Failed("an entry is told in quiet hours")
    move_to(rig, EAST)
    hears(rig, "While it was quiet: 1 entries", after)
    day = until("the day is summed up", lambda: said(rig, "Since 2", after))[0]["text"]
    for word in ("result", "entries", "exits", "rejections", "alarms", "balance", "equity"):
        if word not in day:
            raise Failed(f"no {word} in {day}")
    rig.passed("quiet hours, summed up when they end; the day, summed up")
    rig.kill("telegram-notify")
    rig.answer("/quiet off", "No quiet", by=VOICE)
    rig.answer("/quiet", "Quiet", by=VOICE)
    for text in ("While it was quiet", "Since 2"):
        if len(said(rig, text, after)) != 1:
            raise Failed(f"{text}: told more than once")
    rig.passed("each once, also behind a restart")


def main():
    rig, failed = Rig(sys.argv[1], {"own": OWN, "voice": VOICE, "numbers": NUMBERS}), True
    rig.messages_of = rig.messages
    rig.messages = lambda chat, after=0, token=None: sorted(
        [m for t in ([token] if token else [OWN, VOICE, NUMBERS]) for m in rig.messages_of(chat, after, t)],
        key=lambda m: m["message_id"])
    try:
        rig.up({"telegram.controller_token_file": rig.token("own"), "telegram.notification_token_file": rig.token("voice"),
                "telegram.analytics_token_file": rig.token("numbers"), "telegram.notify_chats": ADMIN,
                "mt5-demo.volatility": 0, "mt5-demo.balance": 20000, "health.gate": "off",
                "order-executor.unknown_manual_after": "2s", "order-executor.ask_interval": "100ms",
                "order-executor.absent_span": "60s", "order-executor.snapshot_interval": "1s", "risk.max_age": "3s",
                "plugin.combined_v3.profile": "strength", "telegram.time_zone": WEST,
                "telegram-notify.summary_at": "00:00", "telegram-notify.quiet_kinds": "entry"})
        until("all three are at work", lambda: len(rig.bots()) == 3, 30)
        rig.answer("/quiet off", "No quiet", by=VOICE)
        for part in (trades, in_parts, by_the_broker, differs, not_traded, nobody_knows, muted, by_the_clock, lose,
                     switches, caps, back):
            part(rig)
        failed = False
    except Failed as why:
        print(f"after {rig.checks} checks: FAIL {why}", flush=True)
        print(json.dumps([(m["from"]["first_name"], m.get("text", m.get("caption"))) for m in rig.ctl("messages")][-10:],
                         indent=1, ensure_ascii=False))
    finally:
        rig.finish(failed)
    sys.exit(failed)


main()
