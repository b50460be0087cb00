# -j SNAT: addresses, ports and flags; a shifted range loses its base port
:CHAINS nat/POSTROUTING ipv4,ipv6
-p tcp -j SNAT --to-source :80 ; = ; OK
-p tcp -j SNAT --to-source "" ; ; FAIL bad-address
:CHAINS nat/POSTROUTING ipv4
-j SNAT --to-source 1.2.3.4 ; = ; OK
-j SNAT --to-source 1.2.3.4-1.2.3.4 ; -j SNAT --to-source 1.2.3.4 ; OK
-j SNAT --to-source 1.2.3.9-1.2.3.4 ; = ; OK
-j SNAT --to 1.2.3.4 ; -j SNAT --to-source 1.2.3.4 ; OK
-p tcp -j SNAT --to-source :http ; -p tcp -j SNAT --to-source :80 ; OK
-p tcp -j SNAT --to-source 1.2.3.4:http ; -p tcp -j SNAT --to-source 1.2.3.4:80 ; OK
-p tcp -j SNAT --to-source 1.2.3.4:1-3/5 ; -p tcp -j SNAT --to-source 1.2.3.4:1-3/0 ; OK
-p tcp -j SNAT --to-source 1.2.3.4:1-3/foo ; ; FAIL bad-port
-p tcp -j SNAT --to-source 1.2.3.4: ; ; FAIL bad-port
-p tcp -j SNAT --to-source 1.2.3.4:0 ; = ; OK
-p tcp -j SNAT --to-source 1.2.3.4:0-7 ; = ; OK
-p icmp -j SNAT --to-source 1.2.3.4:1-3 ; = ; OK
-p tcp -j SNAT --to-source -1.2.3.4 ; ; FAIL bad-address
-p tcp -j SNAT --to-source 1.2.3.4- ; ; FAIL bad-address
-p tcp -j SNAT --to-source 1.2.3.4-1.2.3 ; ; FAIL bad-address
-p tcp -j SNAT --to-source 1.2.3 ; ; FAIL bad-address
-p tcp -j SNAT --to-source example ; ; FAIL bad-address
-p tcp -j SNAT --to-source 1.2.3.4/24 ; ; FAIL bad-address
-p tcp -j SNAT --to-source 1.2.3.4:5 --random ; = ; OK
-p tcp -j SNAT --to-source 0.0.0.0 ; = ; OK
-p tcp -j SNAT --to-source 0.0.0.0:80 ; = ; OK
-j SNAT --to-source 1.1.1.1 -p tcp ; -p tcp -j SNAT --to-source 1.1.1.1 ; OK
! -p tcp -j SNAT --to-source 1.1.1.1:80 ; = ; OK
! -p gre -j SNAT --to-source 1.1.1.1:80 ; ; FAIL needs-protocol
-j SNAT --random --persistent --random-fully --to-source 1.1.1.1 ; -j SNAT --to-source 1.1.1.1 --random --random-fully --persistent ; OK
-j SNAT --to-source 1.1.1.1 ! --random ; ; FAIL cannot-invert
-j SNAT ! --to-source 1.1.1.1 ; ; FAIL cannot-invert
:CHAINS nat/POSTROUTING ipv6
-j SNAT --to-source dead::1 ; = ; OK
-p tcp -j SNAT --to-source dead::1 ; = ; OK
-p tcp -j SNAT --to-source [dead::1] ; -p tcp -j SNAT --to-source dead::1 ; OK
-p tcp -j SNAT --to-source [dead::1]:80 ; = ; OK
-p tcp -j SNAT --to-source [dead::1]:80-90 ; = ; OK
-p tcp -j SNAT --to-source [dead::1]80 ; -p tcp -j SNAT --to-source dead::1 ; OK
-p tcp -j SNAT --to-source []:80 ; -p tcp -j SNAT --to-source :80 ; OK
-p tcp -j SNAT --to-source [dead::1]-[dead::2]:9 ; ; FAIL bad-port
-p tcp -j SNAT --to-source [dead::1]:http ; -p tcp -j SNAT --to-source [dead::1]:80 ; OK
-p 58 -j SNAT --to-source [dead::1]:80 ; ; FAIL needs-protocol
:CHAINS nat/INPUT ipv4
-j SNAT --to-source 1.2.3.4 ; = ; OK
:CHAINS nat/PREROUTING ipv4
-j SNAT --to-source 1.2.3.4 ; ; FAIL wrong-hook
:CHAINS filter/INPUT ipv4
-j SNAT --to-source 1.2.3.4 ; ; FAIL wrong-table
