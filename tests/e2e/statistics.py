#!/usr/bin/env python3
"""The ledger of telegram-analytics, judged from outside.

dump LEDGER          every table as lines of text, in one order
same BEFORE AFTER    two dumps: the second begins a later life of the first, nothing of it is lost or changed
check TAP LEDGER     what `umbra tap` printed, summed up anew, against the ledger
"""
import decimal
import json
import sqlite3
import sys

TABLES = ("alert", "route", "position", "minute", "pair")
OPENINGS = ("filled", "partial", "adopted")
MONEY = ("profit", "commission", "swap")
LEGS = ("leg_a", "leg_b")


def rows(path):
    base = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for table in TABLES:
        for row in base.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3"):
            yield table, row


def dump(path):
    for table, row in rows(path):
        print(table, *row)


def same(before, after):
    """A minute of the account may have gone on since: its last row only has to be there."""
    with open(before, encoding="utf-8") as file:
        old = file.read().splitlines()
    with open(after, encoding="utf-8") as file:
        new = set(file.read().splitlines())
    minutes = [line for line in old if line.startswith("minute")]
    missing = [line for line in old if line not in new and line not in minutes[-1:]]
    for line in missing:
        print("missing:", line, file=sys.stderr)
    return not missing and old


def number(message, key):
    """Whole numbers as they are, prices and volumes in e8, money in cents."""
    value = message.get(key, 0)
    if isinstance(value, int):
        return value
    return int(decimal.Decimal(value) * (100 if key in MONEY else 10 ** 8))


def fold(path):
    """Positions by ticket, from the stream alone."""
    positions, routes = {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                envelope = json.loads(line)
            except ValueError:
                continue  # the tap was stopped in the middle of it
            body = envelope["body"]
            topic = envelope["topic"]
            if envelope.get("test"):
                continue
            if topic.startswith("decision.v3."):
                routes[envelope["alert_id"]] = number(body, "route")
            if not topic.startswith("trade.") or not number(body, "ticket"):
                continue
            leg = body.get("role") in LEGS
            opens = body["event"] in OPENINGS and leg
            known = number(body, "ticket") in positions
            if not opens and (body["event"] != "deal" or not (body.get("slot") or known)):
                continue
            at = positions.setdefault(number(body, "ticket"), {"in": 0, "out": 0, "result": 0, "alert": None})
            if opens:
                at["in"] = max(at["in"], number(body, "filled"))
                at.update(alert=envelope["alert_id"], symbol=body["symbol"], plugin=body["plugin"])
            else:
                at["result"] += sum(number(body, key) for key in MONEY)
                at["out"] += 0 if leg else number(body, "filled")
    for at in positions.values():
        at["route"] = routes.get(at["alert"], 0)
    return positions


def sums(results):
    gain = sum(r for r in results if r > 0)
    loss = -sum(r for r in results if r < 0)
    return len(results), sum(r > 0 for r in results), sum(r < 0 for r in results), gain, loss


def check(tap, ledger):
    mine = fold(tap)
    base = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    theirs = {row[0]: row[1:] for row in base.execute(
        "SELECT ticket, symbol, plugin, route, result_cents, closed_us FROM position")}
    good = mine.keys() == theirs.keys() and bool(mine)
    for ticket, at in mine.items():
        closed = at["out"] > 0 and at["out"] >= at["in"]
        row = theirs.get(ticket)
        if not row or row[:4] != (at.get("symbol"), at.get("plugin"), at["route"], at["result"]) or \
                (row[4] is not None) != closed:
            print("differs:", ticket, at, row, file=sys.stderr)
            good = False
    ours = sums([at["result"] for at in mine.values() if at["out"] and at["out"] >= at["in"]])
    print("trades %d, won %d, lost %d, gain %d, loss %d" % ours)
    return good


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    sys.exit({"dump": lambda p: dump(p) or 0, "same": lambda *p: not same(*p),
              "check": lambda *p: not check(*p)}[what](*arguments))
