#!/usr/bin/env bash
# `faye` of a document. Where the document means the server's documented address, it is the one of this run. A server
# that starts on it takes the place of the one that runs there, as after Ctrl-C. @BINARY@, @ADDRESS@ and @PID_FILE@ are
# filled in by sandbox.mjs.
set -euo pipefail

binary='@BINARY@' address='@ADDRESS@' pid_file='@PID_FILE@'
serves=yes config='' listen=''
arguments=("$@")
for ((i = 0; i < ${#arguments[@]}; i++)); do
  case "${arguments[i]}" in
    --config) config="${arguments[++i]:-}" ;;
    --config=*) config="${arguments[i]#*=}" ;;
    --listen) listen="${arguments[++i]:-}" ;;
    --listen=*) listen="${arguments[i]#*=}" ;;
    --mount) ((++i)) ;;
    --mount=*) ;;
    *) serves=no ;;
  esac
done

[ -n "$config" ] || config=faye.toml
if [ -z "$listen" ] && [ -f "$config" ]; then
  listen="$(awk -F'"' '/^\[/ { section = $0 } section ~ /^\[server\]/ && /^listen *=/ { print $2; exit }' "$config")"
fi
[ -n "${FAYE_SERVER__LISTEN:-}" ] && listen="$FAYE_SERVER__LISTEN"
if [ -z "$listen" ]; then
  listen="$address"
  export FAYE_SERVER__LISTEN="$address"
fi

if [ "$serves" = yes ]; then
  # A machine with a low limit of open files would print a warning that the document does not show.
  export FAYE_LIMITS__CONNECTIONS="${FAYE_LIMITS__CONNECTIONS:-500}"
  if [ "${listen##*:}" = "${address##*:}" ]; then
    if [ -s "$pid_file" ]; then
      old="$(cat "$pid_file")"
      kill -KILL "$old" 2>/dev/null || true
      while kill -0 "$old" 2>/dev/null; do sleep 0.02; done
    fi
    echo "$$" >"$pid_file"
  fi
fi
exec -a faye "$binary" "$@"
