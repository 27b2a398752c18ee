cd /tmp/wt/portal
run() { PYTHONPATH=.:gen timeout 1500 /tmp/wt/low .venv/bin/python -m pytest -q "$@" > .t.next.log 2>&1; mv .t.next.log .t.$(basename $1).log; }
run tests/unit/gateway/test_portal_pages.py tests/unit/gateway/test_web_requests.py tests/unit/gateway/test_web_notifications.py tests/unit/gateway/test_web_words.py tests/unit/gateway/test_gateway_proposals.py tests/unit/interactions/test_interactions_digest_words.py tests/unit/leads/test_leads_my_consents.py tests/unit/accounts
while pgrep -f test_interactions_requests.py >/dev/null; do sleep 3; done
run tests/integration/interactions/test_interactions_portal.py
run tests/integration/interactions/test_proposals_portal.py
run tests/contract
run tests/docs
run tests/integration/leads/test_leads_portal.py
run tests/integration/interactions/test_interactions_notifications.py tests/integration/interactions/test_interactions_timeline.py
