"""The trading bot most people start with: one process, one database, everything in the handler."""
import os
import sqlite3
import time

import fastapi
import pydantic

db = sqlite3.connect(os.environ["BENCH_DB"], isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA synchronous=FULL")
db.execute("CREATE TABLE alerts (id TEXT PRIMARY KEY, body TEXT)")
db.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, symbol TEXT, side TEXT, lots REAL, sl REAL, tp REAL)")

app = fastapi.FastAPI()


class Alert(pydantic.BaseModel):
    type: str
    signal_type: str
    symbol: str
    direction: str
    tf: str
    price: float = pydantic.Field(gt=0)
    consensus_score: int = pydantic.Field(ge=0, le=9)
    sl_price: float = pydantic.Field(gt=0)
    tp1_price: float = pydantic.Field(gt=0)
    tp2_price: float = pydantic.Field(gt=0)
    position_multiplier: float = pydantic.Field(gt=0, le=1)
    mtf_trends: str
    volume_delta_ratio: float
    price_in_ob: bool
    message: str
    id: str


def decide(alert):
    lots = max(0.01, round(0.5 * alert.position_multiplier, 2))
    wrong = alert.sl_price >= alert.price if alert.direction == "buy" else alert.sl_price <= alert.price
    if wrong or alert.consensus_score < 5:
        raise fastapi.HTTPException(422, "not traded")
    return [(alert.id + "-A", alert.symbol, alert.direction, lots, alert.sl_price, alert.tp2_price),
            (alert.id + "-B", alert.symbol, alert.direction, lots, alert.sl_price, alert.tp1_price)]


@app.post("/webhook")
async def webhook(alert: Alert):
    db.execute("INSERT INTO alerts VALUES (?, ?)", (alert.id, alert.json()))
    legs = decide(alert)
    db.execute("BEGIN")
    db.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", legs)
    db.execute("COMMIT")
    return {"status": "accepted", "order_us": time.time_ns() // 1000}
