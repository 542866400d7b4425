sent=$2; before=$3; mode=$4
have=absent
if [ -e "$to" ]; then have=$(sum "$to" 2>/dev/null); [ -e "$to" ] || have=absent; fi
if [ "$have" = "$before" ]; then
  if [ -n "$mode" ]; then chmod "$mode" "$to" || fail "the mode of $1 cannot be put back"; fi
  echo same; exit 0
fi
[ "$have" = "$sent" ] || fail "somebody has changed $1 since: it is left as it is"
if [ "$before" = absent ]; then
  rm -f "$to" || fail "$1 cannot be removed"
  echo removed; exit 0
fi
[ -e "$kept/$before" ] || fail "what $1 held before is not kept any longer"
cp "$kept/$before" "$new" || fail "$1 cannot be written"
[ "$(sum "$new")" = "$before" ] || fail "what was kept of $1 is damaged"
chown "$(owner_of "$to")" "$new" 2>/dev/null
chmod "${mode:-644}" "$new"; mv -f "$new" "$to" || fail "$1 cannot be written"
echo restored
