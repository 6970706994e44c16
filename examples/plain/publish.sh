#!/bin/sh
# Publishes a note: FAYE_PUSH_SECRET=... ./publish.sh '{"text": "hello"}'
set -eu
reply=$(curl --fail-with-body --silent --show-error --max-time 5 "${FAYE_URL:-http://127.0.0.1:8000/faye}" \
  -H 'Content-Type: application/json' -H "Authorization: Bearer $FAYE_PUSH_SECRET" \
  -d "{\"channel\": \"/notes\", \"data\": $1}")
echo "$reply"
case $reply in
  *'"successful":true'*) ;;
  *) exit 1 ;;
esac
