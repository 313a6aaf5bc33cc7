#pragma once
/* Word ahead of a message (docs/adr/0065-an-order-is-promised-ahead.md), as it goes on the wire. */
#include "proto/pack.h"

#include "notice.pb-c.h"

/* NOTICE of BODY, which is packed into BUF; borrows ALERT_ID and BUF. */
static inline void notice_fill(
        Pb__Notice *notice, const char *alert_id, const ProtobufCMessage *body, struct bus_buf *buf)
{
        message_pack(body, buf);
        pb__notice__init(notice);
        notice->alert_id = (char *)(uintptr_t)alert_id;
        notice->body.data = buf->data;
        notice->body.len = buf->size;
}
