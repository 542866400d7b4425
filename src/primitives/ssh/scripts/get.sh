[ -f "$to" ] || fail "there is no file $1"
cat "$to"
