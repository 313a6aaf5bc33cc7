"""telegram-notify against a strict Bot API, with speakers in the names of order-executor and health.

  python3 test_notify.py UMBRA TELEGRAM-NOTIFY SPEAKER

One line for what has held; the first thing that does not ends it. Everything waits for conditions.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

UMBRA, NOTIFY, SPEAKER = sys.argv[1:4]
FAKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bot_api.py")
OWN, MAIN, CHAT = "1001:own-token", "1002:main-token", 77
EVENT = {name: number for number, name in enumerate(
    "none received refused expired test intent placed filled partial rejected unknown not_executed manual "
    "nothing_to_close deal adopted done modified".split())}
LEG_A, EXIT_CLOSE, REVERSAL_CLOSE = 1, 3, 4
EXPERT, STOP, TARGET, CLIENT = 1, 2, 3, 4
CRITICAL, WARNING = 3, 2
COUNTED = re.compile(r"^(?:<b>)?(\d+) × ", re.M)


class Failed(Exception):
    pass


def until(what, condition, seconds=45):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise Failed(f"not within {seconds} s: {what}")


class Rig:
    def __init__(self):
        self.state = tempfile.mkdtemp(prefix="umbra-notify-")
        self.children, self.checks = {}, 0
        self.repeats = 0  # by libcurl itself, at once, where a kept connection died without an answer
        subprocess.run([UMBRA, "keygen", "--state", self.state], check=True, stdout=subprocess.DEVNULL)
        for name, token in (("own", OWN), ("main", MAIN)):
            with open(self.path(name + ".token"), "w", encoding="ascii", opener=private) as file:
                file.write(token + "\n")
        port = self.path("port")
        self.spawn("fake", [sys.executable, FAKE, "--port-file", port, OWN + "=OwnBot", MAIN + "=MainBot"])
        until("the fake listens", lambda: os.path.exists(port))
        with open(port, encoding="ascii") as file:
            self.base = f"http://127.0.0.1:{int(file.read())}"
        with open(self.path("umbra.ini"), "w", encoding="ascii", opener=private) as file:
            file.write(f"[bus]\nstate_dir = {self.state}\n[telegram]\napi_base = {self.base}\n"
                       f"notification_token_file = {self.path('own.token')}\n"
                       f"main_token_file = {self.path('main.token')}\nnotify_chats = {CHAT}\nprobe = 1s\n"
                       "[telegram-notify]\nhealth_silence = 2s\n")

    def path(self, *names):
        return os.path.join(self.state, *names)

    def spawn(self, name, command):
        with open(self.path(name + ".log"), "ab") as log:
            self.children[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self, name):
        options = ["--config", self.path("umbra.ini")]
        self.spawn(name, [NOTIFY, *options] if name == "telegram-notify" else [SPEAKER, name, *options])

    def kill(self, name):
        self.children[name].send_signal(signal.SIGKILL)
        self.children[name].wait()

    def finish(self):
        for child in self.children.values():
            child.kill()
            child.wait()
        shutil.rmtree(self.state)

    # speaking and hearing

    def say(self, name, *lines):
        with open(self.path(name, "lines"), "a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    def control(self, what, body=None, query=""):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.base}/ctl/{what}{query}", data, timeout=10) as answer:
            return json.load(answer)

    def messages(self, token=None, after=0):
        return self.control("messages", query=f"?after={after}" + (f"&token={token}" if token else ""))

    def text(self, after=0, token=None):
        return "\n".join(m["raw"] for m in self.messages(token, after))

    def last(self):
        return max([m["message_id"] for m in self.messages()] or [0])

    def hears(self, what, after=0, seconds=45, token=None):
        """In a message of its own, or as a line of several that are told together."""
        until(f"somebody says {what!r}", lambda: what.lower() in self.text(after, token).lower(), seconds)

    def quiet(self, seconds=3):
        """Until nothing has been said for a while; what was said last."""
        last, since = self.last(), time.monotonic()
        while time.monotonic() - since < seconds:
            time.sleep(0.1)
            if self.last() != last:
                last, since = self.last(), time.monotonic()
        return last

    def refused_in_all(self):
        return self.control("stats").get("earned_429", 0)

    def passed(self, what):
        self.checks += 1
        print(f"ok {self.checks} - {what}", flush=True)

    def expect(self, condition, what):
        if not condition:
            raise Failed(what)


def private(path, flags):
    return os.open(path, flags, 0o600)


def trade(event, count=1, **fields):
    values = {"event": EVENT[event], "slot": "v3", "plugin": "legacy_v3", "symbol": "EURUSD", "side": 1,
              "cl_ord_id": "0123456789ABCDEF", "volume_e8": 2000000, "sl_e8": 109623000, "tp_e8": 111123000,
              "role": LEG_A, "ticket": 7001, "attempt": 1, "state": 6, **fields}
    return f"trade trade.{event}.{values['symbol']} {count} " + " ".join(f"{k}={v}" for k, v in values.items())


def filled(event="filled", **fields):
    return trade(event, **{"filled_e8": 2000000, "price_e8": 110123000, "state": 6, **fields})


def deal(reason, role=0, **fields):
    return filled("deal", **{"deal_reason": reason, "role": role, "deal": 5, "profit_cents": -820, **fields})


def alarm(code, subject, severity, raised=1, text="look+at+it"):
    return f"alarm alarm.{code} 1 code={code} subject={subject} severity={severity} raised={raised} text={text}"


def told(messages):
    """How many events the messages tell of."""
    count = 0
    for message in messages:
        digest = [int(n) for n in COUNTED.findall(message["raw"])]
        count += sum(digest) if digest else message["raw"].count("<code>")
    return count


def begin(rig):
    for name in ("order-executor", "health", "telegram-notify"):
        os.makedirs(rig.path(name), mode=0o700, exist_ok=True)
        rig.start(name)
    # A new reader begins at now, once it knows where that is.
    numbers = iter(range(1000))

    def probe(name, line, heard):
        if heard in rig.text():
            return True
        rig.say(name, line(next(numbers)))
        time.sleep(0.3)
        return False
    probes = (
        ("order-executor", lambda n: trade("expired", symbol=f"PROBE{n}", reason="max_age"), "PROBE"),
        ("order-executor", lambda n: alarm("probe_one", f"n{n}", WARNING), "probe_one"),
        ("health", lambda n: alarm("probe_two", f"n{n}", WARNING), "probe_two"),
        ("order-executor", lambda n: "control.result control.result.order-executor 1 command_id=0123456789012345678901"
         f"2345 command=5 service=order-executor status=1 text=probe+three+{n}", "probe three"),
    )
    for one in probes:
        until(f"the first of {one[2]}", lambda one=one: probe(*one))
    rig.passed("begins with what comes next, and tells it")


def test_kinds(rig):
    after = rig.quiet(1.4)
    rig.say("order-executor", filled(), filled("partial", filled_e8=1000000), trade("refused", reason="price_gap"),
            trade("rejected", reason="account", retcode=10019), trade("expired", reason="max_age"),
            trade("unknown", reason="no_reply"), trade("not_executed", reason="absent"), trade("manual"),
            trade("nothing_to_close", role=0, reason="nothing_to_close"), filled("adopted", symbol="GBPUSD"),
            filled("modified"), deal(EXPERT, EXIT_CLOSE), deal(EXPERT, REVERSAL_CLOSE), deal(STOP), deal(TARGET),
            deal(CLIENT), trade("received"), trade("intent"), trade("done", role=0),
            "account account.order-executor 1 as_of_us=1763000000000000 connected=1 balance_cents=1000000 "
            "equity_cents=990000 daily_loss_cents=8500 daily_cap_cents=10000 lifetime_loss_cents=60000 "
            "lifetime_cap_cents=50000", alarm("order_rejected", "EURUSD", WARNING, text="<script>&+rejected"))
    wanted = ("BUY 0.02 EURUSD", "BUY 0.01 EURUSD", "the price has moved too far", "does not allow it", "too old",
              "utcome unknown", "ot executed after all", "settle", "nothing to close", "GBPUSD",
              "stop 1.09623, target 1.11123", "losed BUY 0.02 EURUSD", "eversal", "top", "arget", "y hand",
              "85.00 $", "600.00 $", "&lt;script&gt;&amp; rejected")
    for what in wanted:
        rig.hears(what, after)
    until("each is told once", lambda: told(rig.messages(after=after)) == 19)
    rig.passed("every kind of event is told, escaped, and once")


def test_lost_answer(rig):
    after = rig.quiet(1.4)
    rig.control("fault", {"kind": "drop_after", "method": "sendMessage"})
    rig.repeats = 1
    rig.say("order-executor", trade("expired", symbol="USDCAD", reason="max_age"))
    until("it is said again", lambda: rig.text(after).count("USDCAD") >= 2)
    rig.quiet(1.4)
    ids = re.findall(r"<code>(\w+)</code>", rig.text(after))
    rig.expect(len(ids) == 2 and len(set(ids)) == 1, f"not one id, twice: {ids}")
    for kind in ("garbage",):
        rig.control("fault", {"kind": kind, "method": "sendMessage"})
    rig.say("order-executor", trade("expired", symbol="AUDJPY", reason="max_age"))
    rig.hears("AUDJPY", after, 40)
    rig.expect(rig.text(after).count("AUDJPY") == 1, "said twice though nothing was lost")
    rig.passed("a lost answer repeats one message with its id, a failure none")


def test_burst(rig):
    after = rig.quiet(1.4)
    began = time.time()
    rig.say("order-executor", trade("expired", 250, reason="max_age"), trade("refused", 250, reason="price_gap"),
            filled(ticket=0) + " ", trade("unknown", 249, reason="no_reply"), deal(TARGET), trade("manual", 249))
    # in the middle of it
    until("the flood has begun", lambda: told(rig.messages(after=after)) > 0)
    asked = time.time()
    rig.say("health", alarm("store_failed", "disk", CRITICAL))
    rig.hears("CRITICAL store_failed", after, 10)
    took = next(m["at"] for m in rig.messages(after=after) if "CRITICAL store_failed" in m["raw"]) - asked
    rig.expect(took < 2, f"CRITICAL took {took:.2f} s")
    until("1001 events are told", lambda: told(rig.messages(after=after)) >= 1001, 60)
    rig.expect(told(rig.messages(after=after)) == 1001, "told more than happened")
    rig.passed(f"1000 events in {len(rig.messages(after=after))} messages within {time.time() - began:.1f} s, "
               f"CRITICAL after {took:.2f} s")


def test_kills(rig, kills=3):
    after = rig.quiet(1.4)
    excess = 0
    for round_number in range(kills):
        rig.say("order-executor", trade("expired", 60, reason="max_age", symbol=f"KILL{round_number}"))
        time.sleep(0.15 + 0.23 * round_number)
        rig.kill("telegram-notify")
        last = [m for m in rig.messages(after=after) if m["at"] > time.time() - 1.5]
        excess += told(last[-1:])  # its answer may be what got lost
        rig.start("telegram-notify")
    until("all are told", lambda: told(rig.messages(after=after)) >= 60 * kills, 40)
    rig.quiet(1.4)
    count = told(rig.messages(after=after))
    rig.expect(count <= 60 * kills + excess, f"{count} told of {60 * kills}, {excess} may be repeats")
    rig.passed(f"{60 * kills} events, {kills} times killed: {count} told, {excess} of them may be repeats")


def test_fallback(rig):
    after = rig.quiet(1.4)
    rig.control("token", {"token": OWN, "valid": False})
    rig.say("order-executor", trade("expired", symbol="NZDUSD", reason="max_age"))
    rig.hears("NZDUSD", after, token=MAIN)
    rig.hears("telegram_fallback", after, token=MAIN)
    rig.control("token", {"token": OWN, "valid": True})
    rig.hears("Over: telegram_fallback", after, token=OWN)
    rig.say("order-executor", trade("expired", symbol="AUDUSD", reason="max_age"))
    rig.hears("AUDUSD", after, token=OWN)
    rig.passed("falls back to the main bot, says so, and comes back")


def test_health(rig):
    after = rig.quiet(1.4)
    rig.kill("health")
    rig.hears("CRITICAL health_silent", after)
    rig.start("health")
    rig.hears("Over: health_silent", after)
    rig.passed("says when health is silent, and when it is back")


def pss_kib(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        if "libasan" in maps.read():
            return None
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        return int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M).group(1))


def test_limits(rig):
    pss = pss_kib(rig.children["telegram-notify"].pid)
    rig.expect(pss is None or pss < 10 * 1024, f"{pss} KiB")
    for name in ("telegram-notify", "order-executor", "health"):
        with open(rig.path(name + ".log"), encoding="utf-8", errors="replace") as log:
            text = log.read()
        rig.expect("Sanitizer" not in text and "token" not in text.replace("own token", ""), f"{name}.log")
    rig.passed(f"no 429 was earned; memory {pss or '(with sanitizers: not asked)'} KiB; no token in a log")


def main():
    rig = Rig()
    try:
        begin(rig)
        for test in (test_kinds, test_lost_answer, test_burst, test_kills, test_fallback, test_health, test_limits):
            test(rig)
            rig.expect(rig.refused_in_all() <= rig.repeats, f"earned a 429 in {test.__name__}")
    except Failed as failed:
        print(f"after {rig.checks} checks: FAIL {failed}")
        print(rig.text()[-3000:])
        for name in rig.children:
            with open(rig.path(name + ".log"), encoding="utf-8", errors="replace") as log:
                print(f"-- {name}\n{log.read()[-1500:]}")
        return 1
    finally:
        rig.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
