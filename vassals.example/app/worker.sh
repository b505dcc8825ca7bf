#!/bin/sh
# A job without a socket: writes a line to $FILE every second until it is told to stop.
trap 'echo "the shell script was told to stop"; exit 0' TERM
while :; do
    echo 'the shell script is at work' >"$FILE"
    sleep 1 &
    wait $!
done
