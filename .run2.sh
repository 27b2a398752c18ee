cd /tmp/wt/portal
PYTHONPATH=.:gen timeout 900 /tmp/wt/low .venv/bin/python -m pytest -q tests/unit/gateway/test_portal_pages.py tests/unit/gateway/test_gateway_proposals.py tests/unit/gateway/test_web_words.py > .u.log 2>&1
