# -m ecn
:CHAINS filter/INPUT,FORWARD ipv4,ipv6
-p tcp -m ecn --ecn-tcp-cwr ; = ; OK
-p tcp -m ecn ! --ecn-tcp-cwr ; = ; OK
-p tcp -m ecn --ecn-tcp-ece ; = ; OK
-p tcp -m ecn --ecn-ip-ect 2 --ecn-tcp-cwr ! --ecn-tcp-ece ; -p tcp -m ecn ! --ecn-tcp-ece --ecn-tcp-cwr --ecn-ip-ect 2 ; OK
-m ecn --ecn-ip-ect 0 ; = ; OK
-m ecn ! --ecn-ip-ect 3 ; = ; OK
-m ecn --ecn-ip-ect 0x2 ; -m ecn --ecn-ip-ect 2 ; OK
-m ecn ; ; FAIL missing-option
-m ecn --ecn-tcp-cwr ; ; FAIL needs-protocol
-p udp -m ecn --ecn-tcp-ece ; ; FAIL needs-protocol
! -p tcp -m ecn --ecn-tcp-cwr ; ; FAIL needs-protocol
-m ecn --ecn-ip-ect 4 ; ; FAIL bad-value
-m ecn --ecn-ip-ect -1 ; ; FAIL bad-value
-m ecn --ecn-ip-ect x ; ; FAIL bad-value
-p tcp -m ecn --ecn-tcp-cwr --ecn-tcp-cwr ; ; FAIL repeated-option
-m ecn --ecn-ip-ect 1 --ecn-ip-ect 2 ; ; FAIL repeated-option
