#!/bin/sh
# What the usual article says to type, without the time that typing takes.
# article.sh ETCDCTL ENDPOINTS SNAPSHOT: endpoints separated by commas; nothing is
# saved when SNAPSHOT is empty. Stops at the first command that fails.
set -eu
etcdctl=$1 endpoints=$2 snapshot=$3
pki=/etc/kubernetes/pki/etcd
first=${endpoints%%,*}
# The default of 5 s would give up on a defragmentation that goes on.
export ETCDCTL_API=3 ETCDCTL_COMMAND_TIMEOUT=30m
export ETCDCTL_CACERT=$pki/ca.crt ETCDCTL_CERT=$pki/healthcheck-client.crt ETCDCTL_KEY=$pki/healthcheck-client.key

if [ -n "$snapshot" ]; then
    "$etcdctl" --endpoints "$first" snapshot save "$snapshot"
fi
"$etcdctl" --endpoints "$endpoints" endpoint status -w table
revision=$("$etcdctl" --endpoints "$first" endpoint status -w json |
    grep -o '"revision":[0-9]*' | grep -o '[0-9]*' | head -n 1)
"$etcdctl" --endpoints "$first" compact "$revision"
for endpoint in $(echo "$endpoints" | tr , ' '); do
    "$etcdctl" --endpoints "$endpoint" defrag
done
"$etcdctl" --endpoints "$first" alarm disarm
