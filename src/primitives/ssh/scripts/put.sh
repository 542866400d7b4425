want=$2; mode=$3; keep=$4
[ -d "$dir" ] || fail "there is no folder $dir"
cat >"$new" || fail "$1 cannot be written"
[ "$(sum "$new")" = "$want" ] || fail "what arrived is not what was sent"
if [ -e "$to" ]; then
  have=$(sum "$to") && [ -n "$have" ] || fail "$1 cannot be read"
  if [ "$have" = "$want" ]; then did=same; else did=replaced; fi
  if [ -n "$keep" ] && [ "$did" = replaced ]; then
    mkdir -p "$kept" || fail "what it replaces cannot be kept"
    if [ ! -e "$kept/$have" ]; then
      cp "$to" "$kept/.new-$$" && mv -f "$kept/.new-$$" "$kept/$have" || fail "what it replaces cannot be kept"
    fi
    touch "$kept/$have"
    find "$kept" -type f -mtime +30 -exec rm -f {} + 2>/dev/null
  fi
  [ -n "$mode" ] || mode=$(mode_of "$to")
  chown "$(owner_of "$to")" "$new" 2>/dev/null
else
  did=created
fi
chmod "${mode:-644}" "$new" || fail "$mode is no mode of a file"
mv -f "$new" "$to" || fail "$1 cannot be written"
echo "$did"
