"""telegram-controller against a strict Bot API, with the whole system behind it.

  python3 test_controller.py UMBRA [KILLS]

One line for what has held; the first thing that does not ends it. Everything waits for conditions.
KILLS: how often the controller is killed between receiving and acting; UMBRA_BOT_KILLS says more.
"""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

UMBRA = sys.argv[1]
KILLS = int(os.environ.get("UMBRA_BOT_KILLS", "4"))
FAKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bot_api.py")
OWN, MAIN = "2001:own-token", "2002:main-token"
ADMIN, TRADER, VIEWER, GROUP = 71, 72, 73, -500
WITHIN_S = 1.0 if not os.environ.get("UMBRA_SLOW") else 5.0


class Failed(Exception):
    pass


def until(what, condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise Failed(f"not within {seconds} s: {what}")


def private(path, flags):
    return os.open(path, flags, 0o600)


def fetch(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(url, data, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


class Rig:
    def __init__(self):
        self.state = tempfile.mkdtemp(prefix="umbra-controller-")
        self.children, self.checks = [], 0
        os.chmod(self.state, 0o755)
        tokens = tempfile.mkdtemp(prefix="umbra-tokens-")
        self.tokens = tokens
        os.chmod(tokens, 0o755)
        for name, token in (("own", OWN), ("main", MAIN)):
            with open(os.path.join(tokens, name), "w", encoding="ascii") as file:
                file.write(token + "\n")
        port = os.path.join(tokens, "port")
        self.spawn([sys.executable, FAKE, "--port-file", port, OWN + "=OwnBot", MAIN + "=MainBot"])
        until("the fake listens", lambda: os.path.exists(port))
        with open(port, encoding="ascii") as file:
            self.base = f"http://127.0.0.1:{int(file.read())}"

    def spawn(self, command, out=subprocess.DEVNULL):
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=open(os.path.join(self.tokens, "err"), "ab"))
        self.children.append(child)
        return child

    def up(self):
        people = {"ann": (ADMIN, ADMIN, "admin"), "tom": (TRADER, TRADER, "trader"), "vic": (VIEWER, VIEWER, "viewer"),
                  "group": (ADMIN, GROUP, "admin")}
        sets = {"alert-ingest.listen": "127.0.0.1:0", "health.listen": "127.0.0.1:0", "telegram.api_base": self.base,
                "telegram.controller_token_file": os.path.join(self.tokens, "own"),
                "telegram.main_token_file": os.path.join(self.tokens, "main"), "telegram.probe": "1s",
                "telegram-notify.enabled": "no"}
        for name, (user, chat, role) in people.items():
            section = f"telegram_user.{name}."
            sets.update({section + "user": user, section + "chat": chat, section + "role": role})
        command = [UMBRA, "up", "--state", self.state]
        for key, value in sets.items():
            command += ["--set", f"{key}={value}"]
        out = os.path.join(self.tokens, "out")
        with open(out, "w", encoding="ascii") as file:
            self.system = self.spawn(command, file)
        with open(out, encoding="ascii") as file:
            ready = until("umbra up is ready", lambda: re.search("^ready .*ops=(\\S+)",
                          (file.seek(0), file.read())[1], re.M), 90)
        self.ops = ready.group(1)
        until("the controller runs", self.pid, 30)

    def finish(self, failed):
        for child in reversed(self.children):
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if failed:
            for name in ("telegram-controller", "health"):
                subprocess.run(["tail", "-n", "15", os.path.join(self.state, "log", name + ".log")], check=False)
            subprocess.run(["tail", "-n", "15", os.path.join(self.tokens, "err")], check=False)
        shutil.rmtree(self.state)
        shutil.rmtree(self.tokens)

    def pid(self):
        try:
            with open(os.path.join(self.state, "run", "telegram-controller.pid"), encoding="ascii") as file:
                return int(file.read() or 0)
        except (FileNotFoundError, ValueError):
            return 0

    def kill(self):
        old = self.pid()
        os.kill(old, signal.SIGKILL)
        until("the controller is back", lambda: self.pid() not in (0, old))

    # Telegram's side

    def ctl(self, what, body=None, query=""):
        return fetch(f"{self.base}/ctl/{what}{query}", body)

    def messages(self, chat, after=0, token=OWN):
        return [m for m in self.ctl("messages", query=f"?after={after}&token={token}") if m["chat"]["id"] == chat]

    def last(self):
        return max([m["message_id"] for m in self.ctl("messages")] or [0])

    def write(self, text, user=ADMIN, chat=None, token=OWN, **more):
        return self.ctl("update", {"token": token, "text": text, "chat_id": chat or user, "user_id": user, **more})

    def press(self, data, message, user=ADMIN, token=OWN):
        return self.ctl("press", {"token": token, "chat_id": user, "user_id": user,
                                  "message_id": message["message_id"], "data": data})

    def hears(self, what, chat=ADMIN, after=0, seconds=20, token=OWN):
        return until(f"chat {chat} is told {what!r}", lambda: next(
            (m for m in self.messages(chat, after, token) if what in m["text"]), None), seconds)

    def answer(self, text, what, user=ADMIN, **more):
        after = self.last()
        self.write(text, user, **more)
        return self.hears(what, more.get("chat") or user, after)

    def confirm(self, text, what, user=ADMIN):
        question = self.answer(text, "sure?", user)
        yes = question["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        self.press(yes, question, user)
        return self.hears(what, user, question["message_id"])

    # our side

    def audit(self, command):
        answer = fetch(f"{self.ops}/api/audit?limit=500")
        entries = answer if isinstance(answer, list) else next(v for v in answer.values() if isinstance(v, list))
        return [e for e in entries if e.get("command") == command and "telegram:" in e.get("actor", "")]

    def passed(self, what):
        self.checks += 1
        print(f"ok {self.checks} - {what}", flush=True)


def ask(rig):
    began = time.monotonic()
    rig.answer("/version", "Umbra 0")
    took = time.monotonic() - began
    if took > WITHIN_S:
        raise Failed(f"answered after {took:.2f} s")
    rig.passed("a command is answered within a second")
    for text, what in (("/start", "Good day"), ("/help", "/cutover"), ("/status", "equity"), ("/health", "strategy-v3"),
                       ("/trades", "open"), ("/risk", "daily loss"), ("/plugins", "legacy_v3"), ("/shadow", "gate"),
                       ("/alert", ""), ("/alert nonsense", "26 characters"), ("/nosuch", "There is no"),
                       ("good day", "/help has all"), ("/close", "it takes: TICKET"),
                       ("/settle x filled", "cl_ord_id"), ("/backup", "done")):
        rig.answer(text, what)
    rig.passed("each question has its answer")
    names = [b["text"] for row in rig.answer("/start", "Good day")["reply_markup"]["inline_keyboard"] for b in row]
    if "rollback" not in names or not rig.ctl("stats")["commands"]["OwnBot"]:
        raise Failed(f"the menu: {names}")
    menu = rig.last()
    rig.press("c:status", {"message_id": menu})
    rig.hears("equity", ADMIN, menu)
    rig.passed("the menu's buttons are commands")


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


def act(rig):
    rig.answer("/pause lunch", "done", TRADER)
    rig.confirm("/resume", "done", TRADER)
    rig.confirm("/kill", "done")
    rig.confirm("/resume kill off", "done")
    rig.confirm("/closeall", "order-executor")
    rig.confirm("/close 123456", "order-executor")
    rig.confirm("/settle 0123456789ABCDEF not_executed", "refused")
    rig.confirm("/setrisk daily_cap 1500", "done")
    rig.confirm("/rollback", "(strategy-v3)")
    rig.confirm("/cutover force a drill", "done")
    rig.confirm("/disable combined_v3", "strategy-v3")
    rig.confirm("/enable legacy_v3", "strategy-v3")
    rig.passed("each switch asks back, acts, and its result comes back")
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


def stale(rig):
    old = int(time.time()) - 120
    rig.answer("/closeall", "too late", date=old)
    before = len(rig.audit("pause"))
    rig.answer("/pause", "pause", date=old)
    until("an old /pause is carried out", lambda: len(rig.audit("pause")) == before + 1)
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
    bots = lambda: fetch(f"{rig.ops}/health")["telegram_bots"]
    rig.ctl("token", {"token": OWN, "valid": False})
    until("the main bot is polled", lambda: (rig.write("/version", token=MAIN), time.sleep(0.3),
          rig.messages(ADMIN, 0, MAIN))[2])
    if "controller" not in bots():
        raise Failed(bots())
    rig.ctl("token", {"token": OWN, "valid": True})
    until("its own bot is back", lambda: (rig.write("/risk"), time.sleep(1.1), [
        m for m in rig.messages(ADMIN, rig.mark) if "daily loss" in m["text"]])[2])
    rig.passed("the main bot takes over, and gives back")


def renumbered(rig):
    before = len(rig.audit("pause"))
    rig.ctl("renumber", {"token": OWN, "next": 5})
    rig.answer("/pause", "order-executor")
    if len(rig.audit("pause")) != before + 1:
        raise Failed("ids that start anew")
    rig.passed("update ids may start anew")


def killed(rig):
    pauses, enables = len(rig.audit("pause")), len(rig.audit("enable_plugin"))
    asked = []
    for n in range(KILLS):
        after = rig.last()
        rig.write(f"/pause {n}")
        time.sleep(random.uniform(0, 0.04))
        rig.kill()
        rig.hears("/pause", ADMIN, after, 30)
        question = rig.answer("/enable legacy_v3", "sure?")
        asked.append(question["message_id"])
        rig.press(question["reply_markup"]["inline_keyboard"][0][0]["callback_data"], question)
        time.sleep(random.uniform(0, 0.04))
        rig.kill()
        rig.hears("/enable", ADMIN, question["message_id"], 30)
        got = len(rig.audit("pause")) - pauses, len(rig.audit("enable_plugin")) - enables
        if got != (n + 1, n + 1):
            raise Failed(f"after {n + 1} of each: {got}")
    rig.passed(f"killed {2 * KILLS} times between receiving and acting: each acts once")


def main():
    rig, failed = Rig(), True
    try:
        rig.up()
        ask(rig)
        people(rig)
        act(rig)
        stale(rig)
        hostile(rig)
        conflict(rig)
        rig.mark = rig.last()
        fallback(rig)
        renumbered(rig)
        killed(rig)
        with open(os.path.join(rig.state, "log", "telegram-controller.log"), encoding="utf-8") as log:
            if "own-token" in log.read():
                raise Failed("a token in the log")
        rig.passed("no token in the log")
        failed = False
    except Failed as why:
        print(f"after {rig.checks} checks: FAIL {why}", flush=True)
        if os.environ.get("UMBRA_SHOW"):
            print(json.dumps([m["text"] for m in rig.messages(ADMIN)][-6:], indent=1))
    finally:
        rig.finish(failed)
    sys.exit(failed)


main()
