# -j ECN: both TCP bits cleared and nothing else print as --ecn-tcp-remove
:CHAINS mangle/PREROUTING ipv4
-p tcp -j ECN --ecn-tcp-remove ; = ; OK
-p tcp -j ECN --ecn-tcp-cwr 0 ; = ; OK
-p tcp -j ECN --ecn-tcp-cwr 1 ; = ; OK
-p tcp -j ECN --ecn-tcp-cwr 2 ; ; FAIL bad-value
-p tcp -j ECN --ecn-tcp-ece 0 ; = ; OK
-p tcp -j ECN --ecn-tcp-ece 1 ; = ; OK
-p tcp -j ECN --ecn-tcp-ece 1 --ecn-tcp-cwr 1 ; = ; OK
-p tcp -j ECN --ecn-tcp-ece 0 --ecn-tcp-cwr 1 ; = ; OK
-p tcp -j ECN --ecn-tcp-cwr 0 --ecn-tcp-ece 0 ; -p tcp -j ECN --ecn-tcp-remove ; OK
-p tcp -j ECN --ecn-ip-ect 0 ; = ; OK
-p tcp -j ECN --ecn-ip-ect 1 ; = ; OK
-p tcp -j ECN --ecn-ip-ect 3 ; = ; OK
-p tcp -j ECN --ecn-ip-ect 4 ; ; FAIL bad-value
-j ECN --ecn-ip-ect 3 ; = ; OK
-j ECN --ecn-tcp-remove ; ; FAIL needs-protocol
-j ECN --ecn-tcp-cwr 1 ; ; FAIL needs-protocol
! -p tcp -j ECN --ecn-tcp-remove ; ; FAIL needs-protocol
-p tcp -j ECN ; ; FAIL missing-option
-p tcp -j ECN --ecn-tcp-remove --ecn-tcp-cwr 1 ; ; FAIL excluded-option
-p tcp -j ECN --ecn-tcp-cwr 1 --ecn-tcp-remove ; ; FAIL excluded-option
-p tcp -j ECN --ecn-tcp-remove --ecn-ip-ect 1 ; -p tcp -j ECN --ecn-tcp-ece 0 --ecn-tcp-cwr 0 --ecn-ip-ect 1 ; OK
-p tcp -j ECN ! --ecn-tcp-remove ; ; FAIL cannot-invert
-p tcp -j ECN --ecn-tcp-cwr foo ; ; FAIL bad-value
-p tcp -j ECN --ecn-ip-ect foo ; ; FAIL bad-value
:CHAINS filter/INPUT ipv4
-p tcp -j ECN --ecn-tcp-remove ; ; FAIL wrong-table
