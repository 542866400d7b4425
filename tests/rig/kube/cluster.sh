#!/bin/bash
# cluster.sh FOLDER BIN ETCD ETCD_PEER API MANAGER SCHEDULER KUBELET HEALTHZ : a Kubernetes cluster of one node on these
# ports of 127.0.0.1, all of it in FOLDER, with real pods. It says `ready`, and takes everything down, pods too, when its
# standard input ends. BIN holds kube-apiserver, kube-controller-manager, kube-scheduler and kubelet.
set -u
F=$1 BIN=$2 ETCD=$3 PEER=$4 API=$5 MANAGER=$6 SCHEDULER=$7 KUBELET=$8 HEALTHZ=$9
HERE=$(dirname "$(readlink -f "$0")")
declare -A PID=()

# A zombie counts as gone: an init process may reap orphans late.
running() { local s; read -r s 2>/dev/null <"/proc/$1/stat" || return 1; [[ $s != *') Z '* ]]; }
start() { local n=$1; shift; setsid "$@" >>"$F/$n.log" 2>&1 </dev/null & PID[$n]=$!; }
# until_ok SECONDS SERVER COMMAND: asks until it says yes; a server that has ended will not.
until_ok() { local t=$(($1 * 20)) p=${PID[$2]:-}; shift 2; while ! "$@" >/dev/null 2>&1; do t=$((t - 1)); [ $t -gt 0 ] && running "$p" || return 1; sleep 0.05; done; }
stop() {
  local n p i
  for n in "$@"; do p=${PID[$n]:-}; [ -n "$p" ] && kill -TERM "$p" 2>/dev/null; done
  for n in "$@"; do
    p=${PID[$n]:-}; [ -n "$p" ] || continue
    for i in $(seq 100); do running "$p" || break; sleep 0.05; done
    running "$p" && kill -KILL "$p" 2>/dev/null
    unset "PID[$n]"
  done
}
# Never as `curl`: what this server prints prettily for a person's curl goes through a library that the compiler has outgrown, and kills it.
api() { local m=$1 p=$2; shift 2; curl -sf -A rig -X "$m" --cacert "$F/pki/ca.crt" -H 'Authorization: Bearer rig-admin-token' "https://127.0.0.1:$API$p" "$@"; }
ctr_() { ctr -a "$F/containerd.sock" -n k8s.io "$@"; }

down() {
  trap '' TERM INT HUP
  if [ -n "${PID[kubelet]:-}" ]; then # remove the pods first, while there is somebody to do it
    local ns
    for ns in $(api GET /api/v1/namespaces | tr ',{' '\n\n' | sed -n 's/.*"name": *"\(test-[^"]*\)".*/\1/p' | sort -u); do
      for p in apis/apps/v1 apis/batch/v1; do
        for k in deployments statefulsets daemonsets replicasets jobs; do api DELETE "/$p/namespaces/$ns/$k?propagationPolicy=Background" >/dev/null; done
      done
      api DELETE "/api/v1/namespaces/$ns/pods?gracePeriodSeconds=0" >/dev/null
    done
    until_ok 10 containerd bash -c "[ -z \"\$(ctr -a '$F/containerd.sock' -n k8s.io task ls -q)\" ]"
  fi
  stop kubelet
  if [ -n "${PID[containerd]:-}" ]; then
    local c; for c in $(ctr_ task ls -q); do ctr_ task rm -f "$c"; done; for c in $(ctr_ container ls -q); do ctr_ container rm "$c"; done
  fi >/dev/null 2>&1
  stop containerd; stop scheduler manager; stop apiserver; stop etcd
  # kubelet changed these
  [ -f "$F/sysctl" ] && read -r a b c <"$F/sysctl" && sysctl -qw "vm.overcommit_memory=$a" "kernel.panic=$b" "kernel.panic_on_oops=$c"
  sort -u "$F/netns" 2>/dev/null | while read -r m; do umount "$m" 2>/dev/null; rm -f "$m"; done
  awk -v f="$F/" 'index($2, f) == 1 {print $2}' /proc/mounts | sort -r | while read -r m; do umount -l "$m"; done
  # The place of these is fixed in kubelet; the namespaces are named after the folder.
  rm -rf /var/log/pods/test-"$(basename "$F" | tr 'A-Z.' 'a-z-')"-*_*
  rm -rf "$F"
}
fail() { echo "failed: $1: $(tail -n 3 "$F/$2.log" 2>/dev/null | tr '\n' ' ')"; down; exit 1; }

images() { # from plain files: one layer with busybox, one that says which version it is
  mkdir -p "$F/images/root"; cd "$F/images" || return 1
  (cd root && mkdir -p bin etc tmp var proc sys dev root && cp "$(command -v busybox)" bin/busybox && echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd &&
    for a in $(bin/busybox --list); do [ "$a" = busybox ] || ln -s busybox "bin/$a"; done)
  tar -C root -cf base.tar . && local base=sha256:$(sha256sum <base.tar | cut -d' ' -f1)
  image() { # NAME VERSION SCRIPT
    mkdir -p "$2/etc" && echo "$2" >"$2/etc/version" && tar -C "$2" -cf "$2.tar" . && local own=sha256:$(sha256sum <"$2.tar" | cut -d' ' -f1)
    printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["/bin/sh","-c","%s"]},"rootfs":{"type":"layers","diff_ids":["%s","%s"]}}' "$3" "$base" "$own" >"$2.json"
    printf '[{"Config":"%s.json","RepoTags":["docker.io/rig/%s:%s"],"Layers":["base.tar","%s.tar"]}]' "$2" "$1" "$2" "$2" >manifest.json
    tar -cf "$1-$2-image.tar" "$2.json" base.tar "$2.tar" manifest.json
  }
  image pause 1 'sleep 2147483647'
  local v; for v in v1 v2 v3; do
    image app $v "echo starting $v; mkdir -p /www; cp /etc/version /www/index.html; trap 'exit 0' TERM; httpd -f -p 127.0.0.1:8080 -h /www & wait"
  done
  image app bad 'echo boom; exit 3'
}

pki() {
  mkdir -p "$F/pki"; cd "$F/pki" || return 1
  local key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
  openssl req -x509 $key -keyout ca.key -out ca.crt -days 3 -subj /CN=rig-ca
  openssl req $key -keyout server.key -out server.csr -subj /CN=kube-apiserver
  openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3 -out server.crt -extfile <(printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n')
  openssl genrsa -out sa.key 2048; openssl rsa -in sa.key -pubout -out sa.pub
  printf 'rig-admin-token,admin,admin,"system:masters"\nrig-viewer-token,viewer,viewer,"viewers"\n' >tokens.csv
  cat >"$F/kubeconfig" <<T
apiVersion: v1
kind: Config
clusters: [{name: rig, cluster: {server: "https://127.0.0.1:$API", certificate-authority: pki/ca.crt}}]
users: [{name: admin, user: {token: rig-admin-token}}, {name: viewer, user: {token: rig-viewer-token}}]
contexts: [{name: admin, context: {cluster: rig, user: admin}}, {name: viewer, context: {cluster: rig, user: viewer}}]
current-context: admin
T
}

trap 'down; exit 0' TERM INT HUP
trap '' PIPE # whoever listened may be gone
pki 2>"$F/pki.log" && [ -s "$F/pki/server.crt" ] || fail "no certificates" pki
start etcd etcd --name rig --data-dir "$F/etcd" --listen-client-urls "http://127.0.0.1:$ETCD" --advertise-client-urls "http://127.0.0.1:$ETCD" \
  --listen-peer-urls "http://127.0.0.1:$PEER" --initial-advertise-peer-urls "http://127.0.0.1:$PEER" --initial-cluster "rig=http://127.0.0.1:$PEER" --unsafe-no-fsync --logger zap --log-level warn
until_ok 30 etcd curl -sf "http://127.0.0.1:$ETCD/health" || fail "etcd does not answer" etcd
start apiserver "$BIN/kube-apiserver" --etcd-servers="http://127.0.0.1:$ETCD" --bind-address=127.0.0.1 --secure-port="$API" --advertise-address=127.0.0.1 --endpoint-reconciler-type=none \
  --tls-cert-file="$F/pki/server.crt" --tls-private-key-file="$F/pki/server.key" --client-ca-file="$F/pki/ca.crt" --token-auth-file="$F/pki/tokens.csv" --authorization-mode=RBAC \
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$F/pki/sa.pub" --service-account-signing-key-file="$F/pki/sa.key" --disable-admission-plugins=ServiceAccount \
  --service-cluster-ip-range=10.96.0.0/24 --allow-privileged=true --kubelet-preferred-address-types=InternalIP --profiling=false --v=1

# Meanwhile: the images and what runs them.
mkdir -p "$F/cni" "$F/cnibin" "$F/certs.d/_default" "$F/volumeplugins" "$F/kubelet"
sed "s#@F@#$F#g; s#@KUBELET@#$KUBELET#; s#@HEALTHZ@#$HEALTHZ#" "$HERE/kubelet.yaml" >"$F/kubelet.yaml"
sed "s#@F@#$F#g" "$HERE/containerd.toml" >"$F/containerd.toml"
echo '{"cniVersion":"0.4.0","name":"rig","plugins":[{"type":"rignet"}]}' >"$F/cni/10-rig.conflist"
sed "s#@F@#$F#g" "$HERE/rignet" >"$F/cnibin/rignet"; chmod +x "$F/cnibin/rignet"; cp "$F/cnibin/rignet" "$F/cnibin/loopback"
printf 'server = "http://127.0.0.1:9"\n[host."http://127.0.0.1:9"]\n  capabilities = ["pull","resolve"]\n' >"$F/certs.d/_default/hosts.toml"
start containerd containerd -c "$F/containerd.toml"
(images) >"$F/images.log" 2>&1 || fail "no images" images
until_ok 30 containerd ctr_ version || fail "containerd does not answer" containerd
for t in "$F"/images/*-image.tar; do ctr_ images import "$t" >>"$F/images.log" 2>&1 || fail "no image" images; done

until_ok 90 apiserver api GET /readyz || fail "the API server is not ready" apiserver
start manager "$BIN/kube-controller-manager" --kubeconfig="$F/kubeconfig" --leader-elect=false --port=0 --secure-port="$MANAGER" --bind-address=127.0.0.1 --cert-dir="$F/manager" --service-account-private-key-file="$F/pki/sa.key" --root-ca-file="$F/pki/ca.crt" --v=1
start scheduler "$BIN/kube-scheduler" --kubeconfig="$F/kubeconfig" --leader-elect=false --port=0 --secure-port="$SCHEDULER" --bind-address=127.0.0.1 --cert-dir="$F/scheduler" --v=1
sysctl -n vm.overcommit_memory kernel.panic kernel.panic_on_oops | tr '\n' ' ' >"$F/sysctl"
start kubelet "$BIN/kubelet" --config="$F/kubelet.yaml" --kubeconfig="$F/kubeconfig" --root-dir="$F/kubelet" --cert-dir="$F/kubelet-pki" --hostname-override=127.0.0.1 --container-runtime=remote \
  --container-runtime-endpoint="unix://$F/containerd.sock" --image-service-endpoint="unix://$F/containerd.sock" --v=1
node_ready() { api GET /api/v1/nodes/127.0.0.1 | tr -d ' \n' | grep -q '"type":"Ready","status":"True"\|"status":"True","lastHeartbeatTime":"[^"]*","lastTransitionTime":"[^"]*","reason":"KubeletReady"'; }
until_ok 90 kubelet node_ready || fail "the node is not ready" kubelet
echo ready
cat >/dev/null
down
