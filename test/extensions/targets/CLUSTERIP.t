# -j CLUSTERIP: all parameters with --new, or none
:CHAINS filter/INPUT ipv4
:UNVERIFIED the kernel here has no CLUSTERIP target
-d 10.31.3.236/32 -i lo -j CLUSTERIP --new --hashmode sourceip --clustermac 01:AA:7B:47:F7:D7 --total-nodes 2 --local-node 0 --hash-init 1 ; = ; OK
-d 10.31.3.236/32 -i lo -j CLUSTERIP --new --hashmode sourceip --clustermac 01:AA:7B:47:F7:D7 --total-nodes 2 --local-node 1 --hash-init 1 ; = ; OK
-d 10.31.3.236/32 -i lo -j CLUSTERIP ; = ; OK
-j CLUSTERIP --new --hashmode sourceip ; ; FAIL missing-option
-d 10.31.3.236/32 -i lo -j CLUSTERIP --new --hashmode foo --clustermac 01:AA:7B:47:F7:D7 --total-nodes 2 --local-node 1 ; ; FAIL bad-value
-d 10.31.3.236/32 -i lo -j CLUSTERIP --new --hashmode sourceip --clustermac 00:AA:7B:47:F7:D7 --total-nodes 2 --local-node 1 ; ; FAIL bad-mac
-d 10.31.3.236/32 -i lo -j CLUSTERIP --new --hashmode sourceip --clustermac foo --total-nodes 2 --local-node 1 ; ; FAIL bad-mac
-d 10.31.3.236/32 -i lo -j CLUSTERIP --new --hashmode sourceip --clustermac 01:AA:7B:47:F7:D7 --total-nodes 17 --local-node 1 ; ; FAIL bad-value
-d 10.31.3.236/32 -i lo -j CLUSTERIP --new --hashmode sourceip --clustermac 01:AA:7B:47:F7:D7 --total-nodes 2 --local-node 3 ; -d 10.31.3.236/32 -i lo -j CLUSTERIP --new --hashmode sourceip --clustermac 01:AA:7B:47:F7:D7 --total-nodes 2 --local-node 3 --hash-init 0 ; OK
-d 10.31.3.236/32 -i lo -j CLUSTERIP --new --hashmode sourceip --clustermac 01:AA:7B:47:F7:D7 --total-nodes 0 --local-node 1 ; -d 10.31.3.236/32 -i lo -j CLUSTERIP --new --hashmode sourceip --clustermac 01:AA:7B:47:F7:D7 --total-nodes 0 --local-node 1 --hash-init 0 ; OK
-d 10.31.3.236/32 -i lo -j CLUSTERIP --new --hashmode sourceip --clustermac 01:AA:7B:47:F7:D7 --total-nodes 2 ; ; FAIL missing-option
-d 10.31.3.236/32 -i lo -j CLUSTERIP --new --hashmode sourceip --clustermac 01:AA:7B:47:F7:D7 --local-node 2 ; ; FAIL missing-option
