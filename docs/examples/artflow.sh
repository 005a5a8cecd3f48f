#!/bin/sh
# ArtFlow Live from a shell, with oscsend (Debian: apt install liblo-tools).
# sh artflow.sh [HOST [PORT]]
host=${1:-127.0.0.1}
port=${2:-9000}

play() {
  address=$1
  shift
  oscsend "$host" "$port" "/artflow/$address" "$@"
}

play prompt/a s "a lighthouse in fog"
play prompt/b s "the same lighthouse on fire"
play snapshot s from-a-shell
play "output/{brightness,contrast}" f 1.2

# a fade from one prompt to the other; the show smooths the steps
for share in 0 0.25 0.5 0.75 1; do
  play prompt/mix f "$share"
  sleep "${PAUSE_S:-1}"
done
