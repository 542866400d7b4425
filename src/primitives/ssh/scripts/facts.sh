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
