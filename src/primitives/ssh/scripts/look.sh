if [ -e "$to" ]; then
  s=$(sum "$to") && [ -n "$s" ] || fail "$1 cannot be read"
  echo "$s $(mode_of "$to")"
else
  [ -d "$dir" ] || fail "there is no folder $dir"
  echo absent
fi
