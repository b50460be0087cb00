# -j DNAT: addresses, ports, shifted port ranges; ports need a protocol that has some
:CHAINS nat/PREROUTING,OUTPUT,own ipv4
-j DNAT --to-destination 1.2.3.4 ; = ; OK
-j DNAT --to 1.2.3.4 ; -j DNAT --to-destination 1.2.3.4 ; OK
-j DNAT --to-destination 1.2.3.4-1.2.3.4 ; -j DNAT --to-destination 1.2.3.4 ; OK
-j DNAT --to-destination 1.2.3.9-1.2.3.4 ; = ; OK
-p tcp -j DNAT --to-destination :80 ; = ; OK
-p tcp -j DNAT --to-destination 1.2.3.4:http ; -p tcp -j DNAT --to-destination 1.2.3.4:80 ; OK
-p tcp -j DNAT --to-destination 1.2.3.4:1-3/5 ; = ; OK
-p tcp -j DNAT --to-destination 1.2.3.4:0-7 ; = ; OK
-p icmp -j DNAT --to-destination 1.2.3.4:1-3 ; = ; OK
! -p tcp -j DNAT --to-destination 1.1.1.1:80 ; = ; OK
-j DNAT --persistent --random --to-destination 1.1.1.1 ; -j DNAT --to-destination 1.1.1.1 --random --persistent ; OK
-j DNAT ; ; FAIL missing-option
-j DNAT --to-destination 1.1.1.1:80 ; ; FAIL needs-protocol
! -p gre -j DNAT --to-destination 1.1.1.1:80 ; ; FAIL needs-protocol
-p tcp -j DNAT --to-destination 1.2.3.4: ; ; FAIL bad-port
-p tcp -j DNAT --to-destination 1.2.3.4:1-3/foo ; ; FAIL bad-port
-p tcp -j DNAT --to-destination 1.2.3.4:1:3 ; ; FAIL bad-address
-j DNAT --to-destination 1.2.3.4- ; ; FAIL bad-address
-j DNAT --to-destination 01.02.03.04 ; ; FAIL bad-address
-j DNAT --to-destination dead::1 ; ; FAIL bad-address
-j DNAT --to-destination 1.2.3.4/24 ; ; FAIL bad-address
-j DNAT --to-destination 1.1.1.1 --random-fully ; ; FAIL unknown-option
-j DNAT ! --to-destination 1.1.1.1 ; ; FAIL cannot-invert
:CHAINS nat/PREROUTING,OUTPUT,own ipv6
-p tcp -j DNAT --to-destination [dead::1]:80-90 ; = ; OK
-p tcp -j DNAT --to-destination [dead::1] ; -p tcp -j DNAT --to-destination dead::1 ; OK
-p tcp -j DNAT --to-destination []:80 ; -p tcp -j DNAT --to-destination :80 ; OK
-p tcp -j DNAT --to-destination [dead::2-dead::1]:9 ; = ; OK
-p tcp -j DNAT --to-destination [dead::1 ; ; FAIL bad-address
-p tcp -j DNAT --to-destination [dead::1]-[dead::2]:9 ; ; FAIL bad-port
-p 58 -j DNAT --to-destination [dead::1]:80 ; ; FAIL needs-protocol
:CHAINS nat/POSTROUTING ipv6
-j DNAT --to-destination :: ; ; FAIL wrong-hook
:CHAINS filter/FORWARD ipv6
-j DNAT --to-destination :: ; ; FAIL wrong-table
