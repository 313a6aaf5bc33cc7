#pragma once
/* A desk whose callbacks only remember, with EURUSD and GOLD at prices that stand still. */
#include "services/mt5-demo/desk.h"
#include "services/mt5-demo/feed.h"
#include "services/mt5-demo/specs.h"

enum {
        DESK_RIG_MAX = 65536,
};

struct sent_report {
        char cl_ord_id[ORDER_ID_SIZE];
        uint32_t attempt;
        struct report report;
};

struct sent_answer {
        enum verdict_of_query verdict;
        uint32_t retcode; /* of its report; 0: none */
};

struct desk_rig {
        struct specs specs;
        struct feed *feed;
        struct desk desk;
        struct instant at;
        struct bus_buf ledger; /* what was written, as text */
        struct record last;    /* written last */
        size_t records, requests, deals_written;
        struct sent_report reports[64]; /* the last ones, in a ring */
        size_t report_count;
        size_t deal_count, cut_count, refused_count, answer_count;
        struct sent_answer answer;
};

struct desk_rig *desk_rig_new(void); /* opened with a balance of 10 000.00 */
/* One with other options, or on another's ledger text (NULL: a new one). */
struct desk_rig *desk_rig_with(const struct desk_options *options, const struct bus_buf *ledger);
struct desk_rig *desk_rig_free(struct desk_rig *rig);
BUS_DEFINE_CLEANUP(desk_rig_freep, struct desk_rig *, desk_rig_free);
#define DESK_RIG_AUTOFREE BUS_CLEANUP(desk_rig_freep)

struct order desk_rig_order(const char *cl_ord_id, uint32_t attempt); /* buy 0.10 EURUSD */
/* Submits; the retcode of the report that followed, 0 if none did. */
uint32_t desk_rig_submit(struct desk_rig *rig, const struct order *order);
/* The ticket of a position opened. */
uint64_t desk_rig_open(struct desk_rig *rig, const char *cl_ord_id);
struct order desk_rig_close(const char *cl_ord_id, uint64_t ticket); /* all of a buy of 0.10 */
enum verdict_of_query desk_rig_query(struct desk_rig *rig, const char *cl_ord_id, uint32_t attempt);
void desk_rig_fault(struct desk_rig *rig, const char *text);
void desk_rig_move(struct desk_rig *rig, size_t symbol, const char *bid); /* and triggers */
void desk_rig_wait(struct desk_rig *rig, int64_t us);             /* time passes, then a step */
const struct report *desk_rig_report(const struct desk_rig *rig); /* the last */
/* Everything that must outlive the process, as text. The caller frees. */
char *desk_rig_dump(const struct desk_rig *rig);
