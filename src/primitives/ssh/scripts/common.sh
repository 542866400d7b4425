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
