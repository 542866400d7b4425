//! The scripts of the family's own verbs: POSIX shell, given their arguments one by one.

/// What several scripts share: the checksum of a file, a complaint, and a path whose `~/` is the home folder.
const COMMON: &str = r#"
set -u
sum() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1" | cut -c1-64
  elif command -v shasum >/dev/null 2>&1; then shasum -a 256 <"$1" | cut -c1-64
  else openssl dgst -sha256 <"$1" | sed 's/.*= *//'; fi
}
fail() { echo "$1" >&2; exit 65; }
mode_of() { stat -c %a "$1" 2>/dev/null || stat -f %Lp "$1"; }
owner_of() { stat -c %u:%g "$1" 2>/dev/null || stat -f %u:%g "$1"; }
case $1 in '~/'*) to=$HOME/${1#'~/'} ;; *) to=$1 ;; esac
if [ -L "$to" ]; then to=$(readlink -f "$to") || fail "the link $1 leads nowhere"; fi
[ ! -d "$to" ] || fail "$1 is a folder"
dir=$(dirname "$to"); new=$dir/.playbook-new-$$; kept=$HOME/.playbook/kept
trap 'rm -f "$new"' EXIT
trap 'exit 143' HUP INT TERM
umask 077
"#;

/// Tells what lies at a path: its checksum and mode, or `absent`. Argument: the path.
const LOOK: &str = r#"
if [ -e "$to" ]; then
  s=$(sum "$to") && [ -n "$s" ] || fail "$1 cannot be read"
  echo "$s $(mode_of "$to")"
else
  [ -d "$dir" ] || fail "there is no folder $dir"
  echo absent
fi
"#;

/// Puts its input in place of a file, whole or not at all. Arguments: path, checksum, mode or nothing, `keep` or nothing.
const PUT: &str = r#"
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
"#;

/// Puts back what was there before. Arguments: path, what was put there, what was there before (checksum or `absent`),
/// its mode.
const BACK: &str = r#"
sent=$2; before=$3; mode=$4
if [ -e "$to" ]; then have=$(sum "$to"); else have=absent; fi
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
"#;

/// Gives the content of a file. Argument: the path.
const GET: &str = r#"
[ -f "$to" ] || fail "there is no file $1"
cat "$to"
"#;

/// Tells what the machine is, a line for each fact.
pub(super) const FACTS: &str = r#"
echo "hostname=$(uname -n)"
echo "kernel=$(uname -sr)"
echo "machine=$(uname -m)"
echo "user=$(id -un)"
[ -r /etc/os-release ] && (. /etc/os-release; echo "os=${PRETTY_NAME:-}")
echo "cpus=$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
[ -r /proc/meminfo ] && awk '/^MemTotal/{print "memory_kib=" $2} /^MemAvailable/{print "memory_free_kib=" $2}' /proc/meminfo
[ -r /proc/loadavg ] && { read -r one rest </proc/loadavg; echo "load=$one"; }
[ -r /proc/uptime ] && { read -r up rest </proc/uptime; echo "uptime_s=${up%.*}"; }
df -Pk / 2>/dev/null | awk 'NR==2{print "disk_kib=" $2; print "disk_free_kib=" $4}'
exit 0
"#;

/// The argument list that runs one of the scripts about a file.
fn on_file(script: &str, arguments: &[&str]) -> Vec<String> {
    let mut list =
        vec!["/bin/sh".to_owned(), "-c".to_owned(), format!("{COMMON}{script}"), "playbook".to_owned()];
    list.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    list
}

pub(super) fn look(path: &str) -> Vec<String> {
    on_file(LOOK, &[path])
}

pub(super) fn put(path: &str, sha256: &str, mode: Option<&str>, keep: bool) -> Vec<String> {
    on_file(PUT, &[path, sha256, mode.unwrap_or(""), if keep { "keep" } else { "" }])
}

pub(super) fn back(path: &str, sent: &str, before: &str, mode: &str) -> Vec<String> {
    on_file(BACK, &[path, sent, before, mode])
}

pub(super) fn get(path: &str) -> Vec<String> {
    on_file(GET, &[path])
}

pub(super) fn facts() -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-c".to_owned(), FACTS.to_owned()]
}
