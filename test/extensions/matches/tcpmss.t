# Maximum segment size that the TCP header announces.
:CHAINS filter/INPUT ipv4,ipv6
-p tcp -m tcpmss ; ; FAIL missing-option
-p tcp -m tcpmss --mss 5:3 ; ; FAIL reversed-range
-p tcp -m tcpmss ! --mss 100 ; = ; OK
-p tcp -m tcpmss ! --mss 100: ; -p tcp -m tcpmss ! --mss 100:65535 ; OK
-p tcp -m tcpmss --mss x ; ; FAIL bad-value
-p tcp -m tcpmss --mss "" ; -p tcp -m tcpmss --mss 0 ; OK
-p udp -m tcpmss --mss 5 ; ; FAIL needs-protocol
! -p tcp -m tcpmss --mss 5 ; ; FAIL needs-protocol
