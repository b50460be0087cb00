# -j NFQUEUE: queue 0 by default; a range needs two numbers that rise
:CHAINS filter/INPUT ipv4,ipv6
-j NFQUEUE --queue-num foo ; ; FAIL bad-value
-j NFQUEUE --queue-num 0x10 ; -j NFQUEUE --queue-num 16 ; OK
-j NFQUEUE --queue-num 1 --queue-balance 0:3 ; ; FAIL excluded-option
-j NFQUEUE --queue-balance 0:3 --queue-num 1 ; ; FAIL excluded-option
-j NFQUEUE --queue-cpu-fanout ; ; FAIL missing-option
-j NFQUEUE --queue-num 3 --queue-cpu-fanout ; ; FAIL missing-option
-j NFQUEUE --queue-balance 0:3 --queue-cpu-fanout ; = ; OK
-j NFQUEUE --queue-balance foo ; ; FAIL bad-value
-j NFQUEUE --queue-balance 3:foo ; ; FAIL bad-value
-j NFQUEUE --queue-balance 1:2:3 ; ; FAIL bad-value
-j NFQUEUE --queue-balance "" ; ; FAIL bad-value
-j NFQUEUE --queue-balance 1:65535 ; = ; OK
-j NFQUEUE --queue-balance 0x1:0x2 ; -j NFQUEUE --queue-balance 1:2 ; OK
-j NFQUEUE ! --queue-num 1 ; ; FAIL cannot-invert
-j NFQUEUE --queue-num 1 --queue-num 1 ; ; FAIL repeated-option
-j NFQUEUE --queue-bypass --queue-bypass ; ; FAIL repeated-option
:CHAINS filter/INPUT ipv4
-j NFQUEUE --queue-num " 1" ; -j NFQUEUE --queue-num 1 ; OK
-j NFQUEUE --queue-balance 5 ; ; FAIL bad-value
-j NFQUEUE --queue-balance 10:9 ; ; FAIL reversed-range
-j NFQUEUE --queue-balance 65535: ; ; FAIL reversed-range
-j NFQUEUE --queue-balance 65535:65535 ; ; FAIL reversed-range
