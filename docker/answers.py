"""Health check: exit status 0 if the URL answers, and with a 2xx."""

import sys
import urllib.error
import urllib.request

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it asks its own machine
try:
    direct.open(sys.argv[1], timeout=4)
except (OSError, urllib.error.HTTPError) as error:
    sys.exit(f"{sys.argv[1]}: {error}")
