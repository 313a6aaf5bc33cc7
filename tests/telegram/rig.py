"""The whole system on a strict Bot API, for the tests beside it. Everything waits for conditions."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

FAKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bot_api.py")
OWN, MAIN = "2001:own-token", "2002:main-token"
ADMIN, TRADER, VIEWER, OTHER, GROUP = 71, 72, 73, 74, -500
PEOPLE = {"ann": (ADMIN, ADMIN, "admin"), "tom": (TRADER, TRADER, "trader"), "vic": (VIEWER, VIEWER, "viewer"),
          "eve": (OTHER, OTHER, "trader"),
          "group": (ADMIN, GROUP, "admin")}
SLOW = bool(os.environ.get("UMBRA_SLOW"))


class Failed(Exception):
    pass


def until(what, condition, seconds=45):
    """A call that gets lost costs its 10 s; where the machine is busy, more than one may."""
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
    """OF: the files to make, by name, and what is in them. Each token is a bot, Bot and its first file's name."""

    def __init__(self, umbra, of):
        self.umbra = umbra
        self.state = tempfile.mkdtemp(prefix="umbra-controller-")
        self.children, self.checks, self.began = [], 0, time.monotonic()
        os.chmod(self.state, 0o755)
        tokens = tempfile.mkdtemp(prefix="umbra-tokens-")
        self.tokens = tokens
        os.chmod(tokens, 0o755)
        bots = {}
        for name, token in of.items():
            bots.setdefault(token, name.capitalize() + "Bot")
            with open(self.token(name), "w", encoding="ascii") as file:
                file.write(token + "\n")
        port = os.path.join(tokens, "port")
        self.spawn([sys.executable, FAKE, "--port-file", port] + [f"{token}={name}" for token, name in bots.items()])
        until("the fake listens", lambda: os.path.exists(port))
        with open(port, encoding="ascii") as file:
            self.base = f"http://127.0.0.1:{int(file.read())}"

    def spawn(self, command, out=subprocess.DEVNULL):
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=open(os.path.join(self.tokens, "err"), "ab"))
        self.children.append(child)
        return child

    def token(self, name):
        return os.path.join(self.tokens, name)

    def up(self, more, *options):
        sets = {"alert-ingest.listen": "127.0.0.1:0", "health.listen": "127.0.0.1:0", "telegram.api_base": self.base,
                "telegram.probe": "1s",
                # a loss must not take the smallest of lots from the next alert
                "mt5-demo.balance": 20000, **more}
        for name, (user, chat, role) in PEOPLE.items():
            section = f"telegram_user.{name}."
            sets.update({section + "user": user, section + "chat": chat, section + "role": role})
        command = [self.umbra, "up", "--state", self.state, *options]
        for key, value in sets.items():
            command += ["--set", f"{key}={value}"]
        out = os.path.join(self.tokens, "out")
        with open(out, "w", encoding="ascii") as file:
            self.system = self.spawn(command, file)
        with open(out, encoding="ascii") as file:
            ready = until("umbra up is ready", lambda: re.search("^ready .*ops=(\\S+)",
                          (file.seek(0), file.read())[1], re.M), 90)
        self.ops = ready.group(1)

    def down(self):
        self.system.terminate()
        if self.system.wait(30):
            raise Failed(f"umbra up ended with {self.system.returncode}")
        self.children.remove(self.system)

    def finish(self, failed):
        for child in reversed(self.children):
            child.terminate()
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if failed:
            for name in ("telegram-controller", "telegram-notify", "telegram-analytics", "health"):
                subprocess.run(["tail", "-n", "15", os.path.join(self.state, "log", name + ".log")], check=False)
            subprocess.run(["tail", "-n", "15", os.path.join(self.tokens, "err")], check=False)
        shutil.rmtree(self.state)
        shutil.rmtree(self.tokens)

    def run(self, service="telegram-controller"):
        """As `umbra up` does, for who kills it again and again: without the pauses that it makes then."""
        owner = os.stat(os.path.join(self.state, service))
        identity = {} if os.geteuid() else {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        program = os.path.join(os.path.dirname(self.umbra), "..", service, service)
        with open(os.path.join(self.state, "log", service + ".log"), "ab") as log:
            self.children.append(subprocess.Popen([program, "--config", os.path.join(self.state, "umbra.ini")],
                                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log, **identity))
        return self.children[-1]

    def end(self, child):
        child.kill()
        child.wait()
        self.children.remove(child)

    def pid(self, service="telegram-controller"):
        try:
            with open(os.path.join(self.state, "run", service + ".pid"), encoding="ascii") as file:
                return int(file.read() or 0)
        except (FileNotFoundError, ValueError):
            return 0

    def kill(self, service="telegram-controller"):
        old = until(f"{service} runs", lambda: self.pid(service))
        os.kill(old, signal.SIGKILL)
        until(f"{service} is back", lambda: self.pid(service) not in (0, old))

    def kill_now(self, service="telegram-controller"):
        """Without waiting for the next one."""
        os.kill(until(f"{service} runs", lambda: self.pid(service)), signal.SIGKILL)

    def command(self, name, *arguments, may_fail=False):
        done = subprocess.run([self.umbra, name, "--state", self.state, *arguments], check=False, capture_output=True,
                              text=True)
        if done.returncode and not may_fail:
            raise Failed(f"umbra {name} {arguments}: {done.stdout} {done.stderr}")
        return done.stdout

    def log(self, service):
        with open(os.path.join(self.state, "log", service + ".log"), encoding="utf-8", errors="replace") as log:
            return log.read()

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

    def hears(self, what, chat=ADMIN, after=0, seconds=45, token=OWN):
        return until(f"chat {chat} is told {what!r}", lambda: next(
            (m for m in self.messages(chat, after, token) if what in m.get("text", m.get("caption", ""))), None), seconds)

    def answer(self, text, what, user=ADMIN, by=None, **more):
        """BY: the bot that answers, if it is not the one that is asked."""
        after = self.last()
        self.write(text, user, **more)
        return self.hears(what, more.get("chat") or user, after, token=by or more.get("token", OWN))

    def ask_back(self, text, user=ADMIN, **more):
        """The question, and what its buttons say."""
        question = self.answer(text, "sure?", user, **more)
        return question, [b["callback_data"] for b in question["reply_markup"]["inline_keyboard"][0]]

    def confirm(self, text, what, user=ADMIN, token=OWN):
        question, buttons = self.ask_back(text, user, token=token)
        self.press(buttons[0], question, user, token)
        return self.hears(what, user, question["message_id"], token=token)

    # our side

    def audit(self, command):
        answer = fetch(f"{self.ops}/api/audit?limit=500")
        entries = answer if isinstance(answer, list) else next(v for v in answer.values() if isinstance(v, list))
        return [e for e in entries if e.get("command") == command and "telegram:" in e.get("actor", "")]

    def bots(self):
        return fetch(f"{self.ops}/health")["telegram_bots"]

    def alarms(self):
        return json.dumps(fetch(f"{self.ops}/api/alarms"))

    def passed(self, what):
        self.checks += 1
        print(f"ok {self.checks} - {what}  # {time.monotonic() - self.began:.1f} s", flush=True)
