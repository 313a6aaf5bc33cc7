"""What telegram-notify tells, with the whole system behind it: each kind of event as it comes about by itself.

  python3 test_events.py UMBRA MT5-DEMO

One line for what has held; the first thing that does not ends it. Everything waits for conditions.
"""
import json
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True

from rig import ADMIN, OWN, Failed, Rig, until  # noqa: E402

MT5_DEMO = sys.argv[2]


def said(rig, what, after):
    return [m for m in rig.messages(ADMIN, after) if what in m.get("text", "")]


def hears(rig, what, after, seconds=30):
    """In a message of its own, or as a line of a digest."""
    until(f"it is told: {what}", lambda: any(said(rig, one, after) for one in (what if isinstance(what, tuple) else
                                                                             (what,))), seconds)


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


def trades(rig):
    after = rig.last()
    entry(rig, "EURUSD", "buy", 1.085)
    hears(rig, "BUY 0.01 EURUSD at", after)
    message = said(rig, "BUY 0.01 EURUSD", after)[0]["text"]
    for word in ("stop", "risk", "legacy_v3", "alert to fill", "position"):
        if word not in message:
            raise Failed(f"no {word} in {message}")
    rig.command("alert", json.dumps({"type": "exit_v3", "signal_type": "Bullish_Exit", "symbol": "EURUSD", "tf": "15",
                                     "price": 1, "id": "x1"}))
    hears(rig, ("Closed BUY 0.01 EURUSD", "closed BUY 0.01 EURUSD"), after)
    entry(rig, "AUDJPY", "buy", 98)
    hears(rig, "BUY 0.01 AUDJPY", after)
    entry(rig, "AUDJPY", "sell", 98, "Liquidity_Trap_Reversal")
    hears(rig, ("Reversal: closed BUY 0.01 AUDJPY", "reversal: closed BUY 0.01 AUDJPY"), after)
    rig.passed("an entry with all a trader wants to know, an exit, a reversal")


def by_the_broker(rig):
    after = rig.last()
    entry(rig, "GBPUSD", "buy", 1.27)
    hears(rig, "BUY 0.01 GBPUSD", after)
    broker(rig, "move-price", "GBPUSD", "1.25")
    hears(rig, ("Stop hit: BUY 0.01 GBPUSD", "stop: BUY 0.01 GBPUSD"), after)
    entry(rig, "AUDUSD", "sell", 0.66)
    hears(rig, "SELL 0.01 AUDUSD", after)
    broker(rig, "move-price", "AUDUSD", "0.60")
    hears(rig, ("Target hit: SELL 0.01 AUDUSD", "target: SELL 0.01 AUDUSD"), after)
    entry(rig, "NZDUSD", "buy", 0.605)
    hears(rig, "BUY 0.01 NZDUSD", after)
    broker(rig, "close-position", ticket_of(rig, "NZDUSD"))
    hears(rig, ("by hand at the terminal: BUY 0.01 NZDUSD", "by hand: BUY 0.01 NZDUSD"), after)
    rig.passed("a stop, a target, a deal by hand")


def not_traded(rig):
    after = rig.last()
    entry(rig, "USDCAD", "buy", 1.36, position_multiplier=0.1)
    hears(rig, ("No entry: BUY USDCAD", "rejected BUY USDCAD"), after)
    entry(rig, "USDCAD", "buy", 1.5)
    hears(rig, ("Refused: BUY", "refused BUY"), after)
    broker(rig, "reject", "10019")
    entry(rig, "USDCAD", "buy", 1.36)
    hears(rig, ("The broker rejected BUY 0.01 USDCAD", "the broker rejected BUY 0.01 USDCAD"), after)
    rig.command("resume")  # without money, entries halt
    rig.command("alert", json.dumps({"type": "squeeze_v3", "signal_type": "Volatility_Squeeze", "symbol": "EURUSD",
                                     "tf": "15", "price": 1.085, "id": "s1"}))
    hears(rig, ("Squeeze on EURUSD", "squeeze on EURUSD"), after)
    broker(rig, "autotrading-off")
    entry(rig, "USDJPY", "buy", 150)
    hears(rig, ("Expired: BUY 0.01 USDJPY", "expired: BUY 0.01 USDJPY"), after)
    broker(rig, "clear")
    rig.passed("rejected by the plugin, by a limit, by the broker; a squeeze; an expiry")


def nobody_knows(rig):
    after = rig.last()
    broker(rig, "in-doubt")
    broker(rig, "lose-request")
    entry(rig, "GBPJPY", "buy", 190)
    hears(rig, ("Outcome unknown: BUY 0.01 GBPJPY", "outcome unknown: BUY 0.01 GBPJPY"), after)
    hears(rig, ("A person must look: BUY 0.01 GBPJPY", "a person must settle BUY 0.01 GBPJPY"), after)
    order = next(m["text"] for m in said(rig, "/settle", after) + said(rig, "must settle", after))
    order = order[order.index("/settle ") + 8:].split()[0] if "/settle " in order else order.split("order ")[1].split()[0]
    rig.confirm(f"/settle {order} not_executed", "/settle: done")
    hears(rig, ("Not executed after all: BUY 0.01 GBPJPY", "not executed after all: BUY 0.01 GBPJPY"), after)
    broker(rig, "clear")
    rig.passed("an outcome that nobody knows, settled from the phone")


def switches(rig):
    after = rig.last()
    rig.command("plugin", "disable", "combined_v3", may_fail=True)
    rig.command("cutover", "--force", "--reason", "a drill")
    hears(rig, ("🔀 Cutover", "• Cutover"), after)
    rig.command("rollback", "--reason", "back")
    hears(rig, ("🔀 Rollback", "• Rollback"), after)
    rig.confirm("/setrisk daily_cap 30", "/setrisk: done")
    rig.passed("cutover and rollback, with who and why")
    after = rig.last()
    entry(rig, "EURUSD", "buy", 1.085)
    hears(rig, "BUY 0.01 EURUSD", after)
    broker(rig, "move-price", "EURUSD", "0.9")
    hears(rig, ("risk cap is hit", "loss cap hit"), after)
    rig.passed("a risk cap that is hit")


def services(rig):
    after = rig.last()
    pid = until("it runs", lambda: rig.pid("strategy-v3-shadow"))
    os.kill(pid, signal.SIGSTOP)
    try:
        hears(rig, "strategy-v3-shadow does not answer", after, 60)
    finally:
        os.kill(pid, signal.SIGCONT)
    hears(rig, "strategy-v3-shadow is back", after, 60)
    rig.passed("a service that is lost, and back")


def muted(rig):
    """What is muted is not told; what is CRITICAL is, by every bot."""
    rig.answer("/mute all", "Muted", by="2003:voice")
    after = rig.last()
    rig.command("pause", "--reason", "nobody is told")
    rig.command("resume")
    broker(rig, "reject", "10019")
    entry(rig, "EURJPY", "buy", 162)
    for token in (OWN, "2003:voice", "2004:numbers"):
        until(f"{token} says CRITICAL", lambda token=token: [m for m in rig.messages(ADMIN, after, token)
                                                             if "CRITICAL" in m.get("text", "")])
    if said(rig, "Entries paused", after) or said(rig, "EURJPY", after):
        raise Failed("what is muted was told")
    rig.answer("/unmute all", "Told again", by="2003:voice")
    rig.command("resume")
    rig.passed("muted, all but what is CRITICAL, which comes by all three bots")


def main():
    rig, failed = Rig(sys.argv[1], {"own": OWN, "voice": "2003:voice", "numbers": "2004:numbers"}), True
    rig.messages_of = rig.messages
    rig.messages = lambda chat, after=0, token=None: sorted(
        [m for t in ([token] if token else [OWN, "2003:voice", "2004:numbers"]) for m in rig.messages_of(chat, after, t)],
        key=lambda m: m["message_id"])
    try:
        rig.up({"telegram.controller_token_file": rig.token("own"), "telegram.notification_token_file": rig.token("voice"),
                "telegram.analytics_token_file": rig.token("numbers"), "telegram.notify_chats": ADMIN,
                "mt5-demo.volatility": 0, "mt5-demo.balance": 20000, "health.gate": "off",
                "order-executor.unknown_manual_after": "4s", "order-executor.ask_interval": "100ms",
                "order-executor.absent_span": "60s", "order-executor.snapshot_interval": "1s", "risk.max_age": "3s"})
        until("all three are at work", lambda: len(rig.bots()) == 3, 30)
        rig.answer("/quiet off", "No quiet", by="2003:voice")
        for part in (trades, by_the_broker, not_traded, nobody_knows, muted, switches, services):
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
