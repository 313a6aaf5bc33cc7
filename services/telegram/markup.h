#pragma once
/*
 * Telegram's HTML (Bot API, Formatting options): escaping, measuring, cutting. Pure.
 *
 * Rule for every text made here: a tag is closed in the line it was opened in. So a text may be cut
 * at any line break, and a line be left out, without breaking the markup.
 */
#include "libbus/base/bytes.h"

#define TG_MESSAGE_MAX_UNITS 4096 /* UTF-16 code units behind the parsing of entities */
#define TG_CAPTION_MAX_UNITS 1024

/* TEXT with <, > and & escaped; what is no valid UTF-8 becomes '?', control characters blanks. Every
 * text that comes from outside goes through here. */
void tg_escape(struct bus_buf *buf, const char *text);
/* Like bus_buf_printf, with every %s argument escaped. Only %s, %d, %u, %lld, %zu and %% in FORMAT. */
void tg_printf(struct bus_buf *buf, const char *format, ...) BUS_PRINTF(2, 3);
/* What the HTML looks like: without tags, with entities resolved. For the second try of a message
 * whose markup was refused. */
void tg_plain(struct bus_buf *buf, const char *html);
/* How long the HTML is in Telegram's counting, before the parsing (so never too little). */
size_t tg_units(const char *html);
/* How many bytes of HTML to take so that it has at most MAX units: whole lines where there is more
 * than one, else at most to a character's end. At least 1 unless HTML is empty. */
size_t tg_fit(const char *html, size_t max_units);
