# -m cgroup: only where packets have sockets
:CHAINS filter/INPUT,OUTPUT,own ipv4,ipv6
-m cgroup --cgroup 1 ; = ; OK
-m cgroup ! --cgroup 1 ; = ; OK
-m cgroup --cgroup 0x10001 ; -m cgroup --cgroup 65537 ; OK
-m cgroup --path / ; -m cgroup --path "/" ; OK
-m cgroup ! --path "/" ; = ; OK
-m cgroup --path "" ; = ; OK
-m cgroup ; ; FAIL missing-option
-m cgroup --cgroup 4294967296 ; ; FAIL bad-value
-m cgroup --cgroup x ; ; FAIL bad-value
-m cgroup --cgroup 1 --path / ; ; FAIL excluded-option
-m cgroup --cgroup 1 --cgroup 2 ; ; FAIL repeated-option
:CHAINS mangle/POSTROUTING ipv4,ipv6
-m cgroup --cgroup 1 ; = ; OK
:CHAINS filter/FORWARD ipv4,ipv6
-m cgroup --cgroup 1 ; ; FAIL wrong-hook
:CHAINS mangle/PREROUTING ipv4,ipv6
-m cgroup --cgroup 1 ; ; FAIL wrong-hook
