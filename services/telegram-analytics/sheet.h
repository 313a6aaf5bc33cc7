#pragma once
/*
 * What the pictures are drawn on, and with. A phone shows a sheet some 400 points wide: what is 30 here
 * is 11 points there, the least one reads. Colours are told apart also by who sees no red or green.
 */
#include "libbus/base/bytes.h"

#include <cairo.h>

#define SHEET_WIDTH      1080
#define SHEET_HEIGHT     720
#define SHEET_MARGIN     60
#define SHEET_TEXT       30
#define SHEET_TITLE      44
#define SHEET_MONEY_SIZE 48

struct colour {
        double r, g, b;
};
extern const struct colour sheet_ink, sheet_pale, sheet_grid, sheet_grey, sheet_blue, sheet_orange;

enum sheet_side { SHEET_LEFT, SHEET_CENTRE, SHEET_RIGHT };

/* A white sheet of HEIGHT; sheet_finish frees both. */
cairo_t *sheet_new(int height, cairo_surface_t **ret_surface);
void sheet_pick(cairo_t *cr, const struct colour *colour);
/* TEXT with its baseline at Y; X is where SIDE says. Returns its width. */
double sheet_write(cairo_t *cr, double x, double y, double size, enum sheet_side side,
        const struct colour *colour, const char *text);
/*
 * Has DRAW fill PNG in a child process that ends with it: fonts and the drawing libraries leave some
 * megabytes behind, hours before the next picture. ARG is what the child finds in memory; DRAW uses no
 * file, store or socket of the process. Waits for it, some ten milliseconds, 10 s at the most. What
 * DRAW returns, or -errno.
 */
typedef int (*sheet_draw_fn)(const void *arg, struct bus_buf *png);
BUS_MUST int sheet_apart(sheet_draw_fn draw, const void *arg, struct bus_buf *png);

/* As PNG, appended. -EIO. */
BUS_MUST int sheet_finish(cairo_t *cr, cairo_surface_t *surface, struct bus_buf *png);
/* "10,096.71"; with PLUS also "+12.00". Returns TEXT. */
const char *sheet_money(int64_t cents, bool plus, char text[static SHEET_MONEY_SIZE]);
