#!/bin/sh
# UMBRA MT5-DEMO: the page of health in Debian's chromium, against a live system. BROWSER_MODULES: the
# folder whose node_modules has playwright-core.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/../e2e/rig.sh"

CHROMIUM=$(command -v chromium) || CHROMIUM=
for needed in node "$CHROMIUM" "${BROWSER_MODULES:-}/node_modules/playwright-core"; do
        if [ ! -d "$needed" ] && ! command -v "$needed" >/dev/null; then
                printf 'skipped: no chromium, node or playwright-core\n'
                exit 77
        fi
done

start health.listen=127.0.0.1:0 health.gate=off mt5-demo.balance=50000 mt5-demo.volatility=0 \
        order-executor.snapshot_interval=1s risk.daily_cap=20000 risk.lifetime_cap=40000
OPS=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
WEBHOOK=$(sed -n 's/^ready webhook=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
ADMIN_TOKEN=$(cat "$UMBRA_STATE/admin.token")
UMBRA=$umbra
export CHROMIUM OPS WEBHOOK ADMIN_TOKEN UMBRA
node "$(dirname "$0")/page.mjs" || fail 'the page, see above'
stop
