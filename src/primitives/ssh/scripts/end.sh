call=$1; text=$2
[ -r /proc/self/stat ] || exit 0
leads() {
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  set -- "$1" ${stat##*) }
  [ "$1" = "$4" ] || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" | grep -qxF "PLAYBOOK_CALL=$call/$1" ||
    tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF "PLAYBOOK_CALL=$text/\$\$; export"
}
all=
for p in $(grep -lsF -e "PLAYBOOK_CALL=$call/" -e "PLAYBOOK_CALL=$text/" /proc/[0-9]*/environ /proc/[0-9]*/cmdline); do
  p=${p#/proc/}; p=${p%/*}
  case " $all " in *" $p "*) continue ;; esac
  if leads "$p"; then all="$all $p"; fi
done
for g in $all; do
  kill -s TERM -- "-$g" 2>/dev/null
  n=0
  while kill -s 0 -- "-$g" 2>/dev/null && [ $n -lt 40 ]; do n=$((n+1)); sleep 0.1 2>/dev/null || sleep 1; done
  kill -s KILL -- "-$g" 2>/dev/null
  n=0
  while leads "$g" && [ $n -lt 20 ]; do n=$((n+1)); sleep 0.1 2>/dev/null || sleep 1; done
  if leads "$g"; then
    echo "process group $g, which an earlier turn began, still runs there and cannot be ended; end it by hand" >&2
    exit 65
  fi
  echo "ended process group $g, which an earlier turn had left"
done
exit 0
