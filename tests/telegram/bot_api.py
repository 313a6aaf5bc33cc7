"""A strict stand-in for Telegram's Bot API, for tests and the demo. Standard library only.

  python3 bot_api.py [--port N] [--port-file FILE] TOKEN[=USERNAME]...

It takes what the real one takes and refuses what the real one refuses: unknown tokens (401), a second
poller (409, and the first one's poll ends with it), texts that are too long or whose markup is broken
(400), more than one message a second to a chat, 20 a minute to a group, 30 a second in all (429 with
retry_after). What a test wants of it goes to /ctl/..., all JSON:

  POST /ctl/update   {"token", "text", "chat_id", "user_id", "date"?, "type"?}   somebody writes
  POST /ctl/press    {"token", "chat_id", "user_id", "message_id", "data"}       somebody presses a button
  POST /ctl/raw      {"token", "update": {...}}                                 any update, however odd
  POST /ctl/fault    {"kind", "token"?, "method"?, "count"?, "seconds"?}        see FAULTS
  POST /ctl/heal     {}                                                         no more faults
  POST /ctl/token    {"token", "valid": bool}
  POST /ctl/renumber {"token", "next": N}                                       update ids start anew
  GET  /ctl/messages?token=&after=N                                             what was sent, oldest first
  GET  /ctl/stats                                                               counters; limits broken
  GET  /photo/MESSAGE_ID                                                        the picture of a message
  GET  /                                                                        what was said, for people
"""
import argparse
import collections
import email.parser
import email.policy
import html
import html.parser
import http.server
import json
import os
import re
import socket
import threading
import time
import urllib.parse

TEXT_MAX = 4096
CAPTION_MAX = 1024
DATA_MAX = 64
POLL_MAX_S = 50
CHAT_GAP_S = 0.95  # one a second, less the jitter of two clocks
GROUP_A_MINUTE = 20
BOT_A_SECOND = 30
TAGS = {"b", "strong", "i", "em", "u", "s", "code", "pre", "a", "blockquote", "tg-spoiler"}
ENTITY = re.compile(r"&(lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")

# How a call can go wrong. "before": nothing was done; "after": it was, and nobody is told.
FAULTS = {
    "401": "before", "404": "before", "409": "before", "429": "before", "400": "before", "markup": "before",
    "403": "before", "500": "before", "html": "before", "garbage": "before", "drop": "before", "hang": "before",
    "drop_after": "after", "hang_after": "after",
}


class Refused(Exception):
    def __init__(self, code, description, **parameters):
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


class Markup(html.parser.HTMLParser):
    """Telegram's HTML: known tags, closed in order, no bare <, > or &."""

    def __init__(self):
        super().__init__(convert_charrefs=False)
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            raise Refused(400, f"Bad Request: can't parse entities: unsupported start tag \"{tag}\"")
        self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise Refused(400, "Bad Request: can't parse entities: unexpected end tag")

    def handle_data(self, data):
        if "<" in data or "&" in data:
            raise Refused(400, "Bad Request: can't parse entities: unescaped character")
        self.text.append(data)

    def handle_entityref(self, name):
        self.text.append("?")

    def handle_charref(self, name):
        self.text.append("?")


def visible(text, mode):
    """The text as a person sees it; refuses broken markup."""
    if mode is None:
        return text
    if mode != "HTML":
        raise Refused(400, "Bad Request: unsupported parse_mode")
    for at in re.finditer("&", text):
        if not ENTITY.match(text, at.start()):
            raise Refused(400, "Bad Request: can't parse entities: unescaped &")
    parser = Markup()
    parser.feed(text)
    parser.close()
    if parser.open:
        raise Refused(400, f"Bad Request: can't parse entities: can't find end tag \"{parser.open[-1]}\"")
    return "".join(parser.text)


def units(text):
    return len(text.encode("utf-16-le")) // 2


def check_keyboard(markup):
    for row in (markup or {}).get("inline_keyboard", []):
        for button in row:
            if not button.get("text"):
                raise Refused(400, "Bad Request: button text is empty")
            data = button.get("callback_data", "")
            if not 1 <= len(data.encode()) <= DATA_MAX:
                raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")


class Bot:
    def __init__(self, token, name, number):
        self.token, self.name, self.id, self.valid = token, name, number, True
        self.updates, self.next_update, self.poll = [], 1000 * number, 0
        self.messages, self.sent, self.by_chat = [], collections.deque(), {}
        self.answered, self.commands, self.calls = [], [], 0


class World:
    def __init__(self, bots):
        self.changed = threading.Condition()
        self.bots = bots
        self.faults = []
        self.calling = threading.local()
        self.stats = collections.Counter()
        self.next_message = 1

    def bot(self, token):
        bot = self.bots.get(token)
        if not bot or not bot.valid:
            raise Refused(401, "Unauthorized")
        return bot

    def fault(self, token, method):
        with self.changed:
            for fault in self.faults:
                if fault.get("token") in (None, token) and fault.get("method") in (None, method):
                    fault["count"] -= 1
                    if not fault["count"]:
                        self.faults.remove(fault)
                    self.stats["faults"] += 1
                    return fault
        return None

    def is_gone(self):
        """Whether who asked has hung up: a poller that was killed is no second one."""
        try:
            return self.calling.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    # limits

    def check_rate(self, bot, chat_id):
        now = time.monotonic()
        times = bot.by_chat.setdefault(chat_id, collections.deque())
        while bot.sent and now - bot.sent[0] > 1:
            bot.sent.popleft()
        while times and now - times[0] > 60:
            times.popleft()
        wait = 0
        if times and now - times[-1] < CHAT_GAP_S:
            wait = 1
        if chat_id < 0 and len(times) >= GROUP_A_MINUTE:
            wait = int(60 - (now - times[0])) + 1
        if len(bot.sent) >= BOT_A_SECOND:
            wait = max(wait, 1)
        if wait:
            self.stats["earned_429"] += 1
            raise Refused(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        bot.sent.append(now)
        times.append(now)

    # methods

    def put(self, bot, params, **more):
        try:
            chat_id = int(params["chat_id"])
        except (KeyError, ValueError, TypeError):
            raise Refused(400, "Bad Request: chat not found") from None
        with self.changed:
            self.check_rate(bot, chat_id)
            message = {"message_id": self.next_message, "date": int(time.time()), "at": time.time(),
                       "chat": {"id": chat_id, "type": "group" if chat_id < 0 else "private"},
                       "from": {"id": bot.id, "is_bot": True, "first_name": bot.name}, **more}
            self.next_message += 1
            bot.messages.append(message)
            self.stats["messages"] += 1
            self.changed.notify_all()
        return message

    def sendMessage(self, bot, params, files):
        text = visible(str(params.get("text", "")), params.get("parse_mode"))
        if not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if units(text) > TEXT_MAX:
            raise Refused(400, "Bad Request: message is too long")
        check_keyboard(params.get("reply_markup"))
        return self.put(bot, params, text=text, raw=params["text"], is_html=params.get("parse_mode") == "HTML",
                        reply_markup=params.get("reply_markup"))

    def sendPhoto(self, bot, params, files):
        caption = visible(str(params.get("caption", "")), params.get("parse_mode"))
        picture = files.get("photo", b"")
        if units(caption) > CAPTION_MAX:
            raise Refused(400, "Bad Request: message caption is too long")
        if not picture.startswith(b"\x89PNG\r\n\x1a\n"):
            raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED")
        return self.put(bot, params, caption=caption, photo_size=len(picture), photo=picture)

    def edit(self, bot, params, text):
        with self.changed:
            for message in bot.messages:
                if message["message_id"] == params.get("message_id") and \
                        message["chat"]["id"] == params.get("chat_id"):
                    markup = params.get("reply_markup")
                    if message.get("text") == text and message.get("reply_markup") == markup:
                        raise Refused(400, "Bad Request: message is not modified")
                    message.update(text=text, reply_markup=markup, edited=True)
                    self.changed.notify_all()
                    return message
        raise Refused(400, "Bad Request: message to edit not found")

    def editMessageText(self, bot, params, files):
        text = visible(str(params.get("text", "")), params.get("parse_mode"))
        if not text.strip() or units(text) > TEXT_MAX:
            raise Refused(400, "Bad Request: message is too long or empty")
        check_keyboard(params.get("reply_markup"))
        return self.edit(bot, params, text)

    def editMessageReplyMarkup(self, bot, params, files):
        check_keyboard(params.get("reply_markup"))
        for message in bot.messages:
            if message["message_id"] == params.get("message_id"):
                return self.edit(bot, params, message.get("text"))
        raise Refused(400, "Bad Request: message to edit not found")

    def answerCallbackQuery(self, bot, params, files):
        if len(str(params.get("text", ""))) > 200:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        with self.changed:
            bot.answered.append(params.get("callback_query_id"))
            self.changed.notify_all()
        return True

    def setMyCommands(self, bot, params, files):
        for command in params.get("commands", []):
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]) or \
                    not 1 <= len(command["description"]) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
        bot.commands = params.get("commands", [])
        return True

    def deleteWebhook(self, bot, params, files):
        if params.get("drop_pending_updates"):
            self.stats["dropped_updates"] += len(bot.updates)
            bot.updates.clear()
        return True

    def getMe(self, bot, params, files):
        return {"id": bot.id, "is_bot": True, "first_name": bot.name, "username": bot.name}

    def getUpdates(self, bot, params, files):
        offset, limit = int(params.get("offset", 0)), int(params.get("limit", 100))
        deadline = time.monotonic() + min(int(params.get("timeout", 0)), POLL_MAX_S)
        if not 1 <= limit <= 100:
            raise Refused(400, "Bad Request: limit is invalid")
        with self.changed:
            bot.poll += 1
            mine = bot.poll
            self.stats["polls"] += 1
            self.changed.notify_all()
            if offset > 0:
                bot.updates = [u for u in bot.updates if u["update_id"] >= offset]
            while not bot.updates and time.monotonic() < deadline:
                self.changed.wait(min(1, max(0.01, deadline - time.monotonic())))
                if self.is_gone():
                    return []
                if bot.poll != mine:
                    self.stats["conflicts"] += 1
                    raise Refused(409, "Conflict: terminated by other getUpdates request; make sure that "
                                       "only one bot instance is running")
                if not bot.valid:
                    raise Refused(401, "Unauthorized")
            return bot.updates[:limit]

    # what people see

    def all_messages(self):
        return sorted((m for b in self.bots.values() for m in b.messages), key=lambda m: m["message_id"])

    def page(self):
        with self.changed:
            return PAGE.format("".join(bubble(m) for m in self.all_messages()[-200:]))

    def photo(self, message_id):
        for message in self.all_messages():
            if message["message_id"] == message_id and "photo" in message:
                return message["photo"]
        raise Refused(404, "Not Found")

    # what tests ask for

    def add_update(self, token, update):
        bot = self.bots[token]
        with self.changed:
            update = {"update_id": bot.next_update, **update}
            bot.next_update += 1
            bot.updates.append(update)
            self.changed.notify_all()
        return update

    def control(self, what, body, query):
        if what == "update":
            return self.add_update(body["token"], {"message": {
                "message_id": self.next_message, "date": int(body.get("date", time.time())), "text": body["text"],
                "chat": {"id": body["chat_id"],
                         "type": body.get("type", "group" if body["chat_id"] < 0 else "private")},
                "from": {"id": body["user_id"], "is_bot": False, "first_name": body.get("name", "Tester")}}})
        if what == "press":
            return self.add_update(body["token"], {"callback_query": {
                "id": str(time.monotonic_ns()), "data": body["data"], "from": {"id": body["user_id"],
                                                                             "first_name": "Tester"},
                "message": {"message_id": body["message_id"], "date": int(time.time()),
                            "chat": {"id": body["chat_id"], "type": "private"}}}})
        if what == "raw":
            return self.add_update(body["token"], body["update"])
        if what == "fault":
            assert body["kind"] in FAULTS, body
            with self.changed:
                self.faults.append({"count": 1, **body})
            return True
        if what == "token":
            with self.changed:
                self.bots[body["token"]].valid = body["valid"]
                self.changed.notify_all()
            return True
        if what == "heal":
            with self.changed:
                self.faults.clear()
            return True
        if what == "renumber":
            self.bots[body["token"]].next_update = body["next"]
            return True
        if what == "messages":
            after = int(query.get("after", ["0"])[0])
            bots = [self.bots[t] for t in query["token"]] if "token" in query else self.bots.values()
            return [{k: v for k, v in m.items() if k != "photo"} for b in bots for m in b.messages
                    if m["message_id"] > after]
        if what == "stats":
            return {**self.stats, "answered": {b.name: len(b.answered) for b in self.bots.values()},
                    "unconfirmed": {b.name: len(b.updates) for b in self.bots.values()},
                    "commands": {b.name: len(b.commands) for b in self.bots.values()},
                    "calls": {b.name: b.calls for b in self.bots.values()}}
        raise Refused(404, "no such control")


PAGE = """<!doctype html><meta charset=utf-8><meta name=viewport content="width=device-width"><title>Telegram</title>
<style>body{{font:15px sans-serif;background:#d7e3ec;max-width:30em;margin:1em auto;padding:0 .5em}}
div{{background:#fff;border-radius:.8em;padding:.5em .8em;margin:.4em 3em .4em 0;white-space:pre-wrap}}
small{{color:#5a8ab0;display:block}}img{{width:100%}}
button{{margin:.3em .3em 0 0}}</style>{}<script>scrollTo(0,document.body.scrollHeight)</script>"""


def bubble(message):
    text = message.get("raw") or message.get("caption") or ""
    if not message.get("is_html"):
        text = html.escape(text)
    buttons = "".join(f"<button disabled>{html.escape(b['text'])}</button>" for row in
                      (message.get("reply_markup") or {}).get("inline_keyboard", []) for b in row)
    picture = f"<img src=/photo/{message['message_id']}>" if "photo" in message else ""
    return f"<div><small>{html.escape(message['from']['first_name'])}</small>{picture}{text}{buttons}</div>"


def parse_form(content_type, raw):
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + raw)
    params, files = {}, {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if part.get_filename():
            files[name] = part.get_payload(decode=True)
        else:
            params[name] = part.get_payload(decode=True).decode()
    return params, files


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world = None

    def log_message(self, *args):
        pass

    def reply(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reply_json(self, status, value):
        self.reply(status, json.dumps(value).encode())

    def refuse(self, refused):
        body = {"ok": False, "error_code": refused.code, "description": refused.description}
        if refused.parameters:
            body["parameters"] = refused.parameters
        self.reply_json(refused.code, body)

    def hang_up(self, seconds):
        time.sleep(seconds)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def fail(self, fault):
        kind, seconds = fault["kind"], fault.get("seconds", 0)
        if kind.startswith("hang") or kind.startswith("drop"):
            self.hang_up(seconds if kind.startswith("hang") else 0)
        elif kind == "html":
            self.reply(502, b"<html><body>Bad Gateway</body></html>", "text/html")
        elif kind == "garbage":
            self.reply(200, b"{\"ok\":tru")
        elif kind == "markup":
            self.refuse(Refused(400, "Bad Request: can't parse entities: as asked for"))
        elif kind == "429":
            self.refuse(Refused(429, f"Too Many Requests: retry after {seconds or 1}", retry_after=seconds or 1))
        else:
            self.refuse(Refused(int(kind), "as asked for"))

    def read_params(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            return parse_form(kind, raw)
        try:
            return (json.loads(raw) if raw else {}), {}
        except ValueError:
            raise Refused(400, "Bad Request: can't parse JSON object") from None

    def call(self, token, method):
        params, files = self.read_params()
        fault = self.world.fault(token, method)
        if fault and FAULTS[fault["kind"]] == "before":
            return self.fail(fault)
        bot = self.world.bot(token)
        function = None if method.startswith("_") else getattr(self.world, method, None)
        if not function or not method[:3] in ("get", "sen", "edi", "ans", "set", "del"):
            raise Refused(404, "Not Found: method not found")
        self.world.stats[method] += 1
        bot.calls += 1
        self.world.calling.connection = self.connection
        result = function(bot, params, files)
        if fault:
            return self.fail(fault)
        return self.reply_json(200, {"ok": True, "result": {k: v for k, v in result.items() if k != "photo"}
                                     if isinstance(result, dict) else result})

    def do_POST(self):
        url = urllib.parse.urlsplit(self.path)
        at = re.fullmatch(r"/bot([^/]+)/(\w+)", url.path)
        try:
            if at:
                self.call(at.group(1), at.group(2))
            elif url.path == "/":
                self.reply(200, self.world.page().encode(), "text/html; charset=utf-8")
            elif url.path.startswith("/photo/"):
                self.reply(200, self.world.photo(int(url.path[7:])), "image/png")
            elif url.path.startswith("/ctl/"):
                body, _ = self.read_params()
                self.reply_json(200, self.world.control(url.path[5:], body, urllib.parse.parse_qs(url.query)))
            else:
                raise Refused(404, "Not Found")
        except Refused as refused:
            self.refuse(refused)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Who was killed in the middle of a call is no news."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file")
    parser.add_argument("tokens", nargs="+", metavar="TOKEN[=USERNAME]")
    options = parser.parse_args()
    bots = {}
    for number, pair in enumerate(options.tokens, 1):
        token, _, name = pair.partition("=")
        bots[token] = Bot(token, name or f"Bot{number}", number)
    Handler.world = World(bots)
    server = Server(("127.0.0.1", options.port), Handler)
    if options.port_file:
        with open(options.port_file + ".new", "w", encoding="ascii") as file:
            file.write(f"{server.server_port}\n")
        os.rename(options.port_file + ".new", options.port_file)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
