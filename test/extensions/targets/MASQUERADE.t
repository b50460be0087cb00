# -j MASQUERADE: ports need a protocol that has some; a shifted range loses its base port
:CHAINS nat/POSTROUTING ipv4,ipv6
-j MASQUERADE ; = ; OK
-p tcp -j MASQUERADE --to-ports 1024 ; = ; OK
-p tcp -j MASQUERADE --to-ports 1024-65535 ; = ; OK
-p tcp -j MASQUERADE --to-ports 1024-1024 ; -p tcp -j MASQUERADE --to-ports 1024 ; OK
-p tcp -j MASQUERADE --to-ports 2000-1000 ; ; FAIL reversed-range
-p tcp -j MASQUERADE --to-ports 1000:2000 ; ; FAIL bad-port
-p tcp -j MASQUERADE --to-ports http ; -p tcp -j MASQUERADE --to-ports 80 ; OK
-p tcp -j MASQUERADE --to-ports http-https ; ; FAIL bad-port
-p tcp -j MASQUERADE --to-ports 80-https ; ; FAIL bad-port
-p tcp -j MASQUERADE --to-ports 0 ; = ; OK
-p tcp -j MASQUERADE --to-ports 0-5 ; = ; OK
-p tcp -j MASQUERADE --to-ports 65536 ; ; FAIL bad-port
-p tcp -j MASQUERADE --to-ports 1-65536 ; ; FAIL bad-port
-p tcp -j MASQUERADE --to-ports 0x10 ; -p tcp -j MASQUERADE --to-ports 16 ; OK
-p tcp -j MASQUERADE --to-ports 010-020 ; -p tcp -j MASQUERADE --to-ports 8-16 ; OK
-p tcp -j MASQUERADE --to-ports 10-20/5 ; -p tcp -j MASQUERADE --to-ports 10-20/0 ; OK
-j MASQUERADE --to-ports 1024 ; ; FAIL needs-protocol
-p icmp -j MASQUERADE --to-ports 1024 ; = ; OK
-p 58 -j MASQUERADE --to-ports 1024 ; ; FAIL needs-protocol
-p udplite -j MASQUERADE --to-ports 1024 ; ; FAIL needs-protocol
-p sctp -j MASQUERADE --to-ports 1024 ; = ; OK
-p dccp -j MASQUERADE --to-ports 1024 ; = ; OK
! -p tcp -j MASQUERADE --to-ports 1024 ; = ; OK
-p gre -j MASQUERADE --to-ports 1024 ; ; FAIL needs-protocol
-j MASQUERADE --random ; = ; OK
-j MASQUERADE --random-fully --random ; -j MASQUERADE --random --random-fully ; OK
-p udp -j MASQUERADE --random --to-ports 5-6 ; -p udp -j MASQUERADE --to-ports 5-6 --random ; OK
-p udp -j MASQUERADE --random-fully --to-ports 5-6 --random ; -p udp -j MASQUERADE --to-ports 5-6 --random --random-fully ; OK
-j MASQUERADE ! --random ; ; FAIL cannot-invert
-j MASQUERADE --random --random ; ; FAIL repeated-option
-p tcp -j MASQUERADE ! --to-ports 5 ; ; FAIL cannot-invert
-j MASQUERADE --persistent ; ; FAIL unknown-option
-j MASQUERADE --to-source 1.2.3.4 ; ; FAIL unknown-option
-p tcp -j MASQUERADE --to-port 5 ; -p tcp -j MASQUERADE --to-ports 5 ; OK
-p tcp -j MASQUERADE --to-ports 5 --to-ports 6 ; ; FAIL repeated-option
-j MASQUERADE foo ; ; FAIL bad-argument
:CHAINS nat/PREROUTING ipv4,ipv6
-j MASQUERADE ; ; FAIL wrong-hook
:CHAINS nat/OUTPUT ipv4,ipv6
-j MASQUERADE ; ; FAIL wrong-hook
:CHAINS nat/INPUT ipv4,ipv6
-j MASQUERADE ; ; FAIL wrong-hook
:CHAINS nat/own ipv4,ipv6
-j MASQUERADE ; = ; OK
:CHAINS mangle/POSTROUTING ipv4,ipv6
-j MASQUERADE ; ; FAIL wrong-table
:CHAINS filter/INPUT ipv4,ipv6
-j MASQUERADE ; ; FAIL wrong-table
