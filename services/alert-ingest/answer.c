#include "services/alert-ingest/answer.h"

#include "services/common/json_text.h"

#include <inttypes.h>

static void begin(struct bus_buf *buf, const char *status, const char *alert_id, uint64_t seq)
{
        bus_buf_printf(buf, "{\"status\":\"%s\",\"alert_id\":", status);
        json_add_string(buf, alert_id);
        bus_buf_printf(buf, ",\"seq\":%" PRIu64, seq);
}

void answer_accepted(struct bus_buf *buf, const char *alert_id, uint64_t seq,
        const struct alert_faults *warnings)
{
        begin(buf, "accepted", alert_id, seq);
        if (warnings->count) {
                bus_buf_add_str(buf, ",\"warnings\":");
                alert_faults_json(warnings, true, buf);
        }
        bus_buf_add_str(buf, "}");
}

void answer_duplicate(struct bus_buf *buf, const char *alert_id, uint64_t seq)
{
        begin(buf, "duplicate", alert_id, seq);
        bus_buf_add_str(buf, "}");
}

void answer_rejected(struct bus_buf *buf, const struct alert_faults *errors)
{
        bus_buf_add_str(buf, "{\"status\":\"rejected\",\"errors\":");
        alert_faults_json(errors, true, buf);
        bus_buf_add_str(buf, "}");
}

void answer_error(struct bus_buf *buf, const char *status, const char *code, const char *field,
        const char *message)
{
        bus_buf_printf(buf,
                "{\"status\":\"%s\",\"errors\":[{\"code\":\"%s\",\"field\":\"%s\","
                "\"message\":\"%s\"}]}",
                status, code, field, message);
}
