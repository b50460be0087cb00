# -j TPROXY: address and mark are always printed; TCP and UDP in mangle PREROUTING
:CHAINS mangle/PREROUTING ipv4,ipv6
-p tcp -j TPROXY --on-port foo ; ; FAIL bad-port
-p tcp -j TPROXY ; ; FAIL missing-option
-p tcp -j TPROXY --on-port 80 --tproxy-mark foo ; ; FAIL bad-value
-p tcp -j TPROXY --on-port 80 --tproxy-mark 1/ ; ; FAIL bad-value
-j TPROXY --on-port 80 ; ; FAIL needs-protocol
! -p tcp -j TPROXY --on-port 80 ; ; FAIL needs-protocol
-p sctp -j TPROXY --on-port 80 ; ; FAIL needs-protocol
-p tcp -j TPROXY ! --on-port 80 ; ; FAIL cannot-invert
-p tcp -j TPROXY --on-port 80 --on-port 80 ; ; FAIL repeated-option
-p tcp -j TPROXY --on-port 0x50 ; ; FAIL bad-port
:CHAINS mangle/PREROUTING ipv4
-p tcp -j TPROXY --on-port 80 ; -p tcp -j TPROXY --on-port 80 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0 ; OK
-p udp -j TPROXY --on-port 80 ; -p udp -j TPROXY --on-port 80 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0 ; OK
-p tcp -j TPROXY --on-port 0 ; -p tcp -j TPROXY --on-port 0 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0 ; OK
-p tcp -j TPROXY --on-port 65536 ; -p tcp -j TPROXY --on-port 0 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0 ; OK
-p tcp -j TPROXY --on-port http ; -p tcp -j TPROXY --on-port 80 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0 ; OK
-p tcp -j TPROXY --on-ip ::1 ; ; FAIL bad-address
-p tcp -j TPROXY --on-port 80 --tproxy-mark 1 ; -p tcp -j TPROXY --on-port 80 --on-ip 0.0.0.0 --tproxy-mark 0x1/0xffffffff ; OK
-p tcp -j TPROXY --on-port 80 --tproxy-mark 1/0xff ; -p tcp -j TPROXY --on-port 80 --on-ip 0.0.0.0 --tproxy-mark 0x1/0xff ; OK
-p tcp -j TPROXY --on-port 80 --tproxy-mark 0x101/0xff ; -p tcp -j TPROXY --on-port 80 --on-ip 0.0.0.0 --tproxy-mark 0x101/0xff ; OK
-p tcp -j TPROXY --on-port 80 --tproxy-mark 0/0 ; -p tcp -j TPROXY --on-port 80 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0 ; OK
-p tcp -j TPROXY --on-port 80 --on-ip foo ; ; FAIL bad-address
-p tcp -j TPROXY --on-port 80 --on-ip "" ; ; FAIL bad-address
-p tcp -j TPROXY --on-port 80 --on-ip 1.2.3.4/32 ; ; FAIL bad-address
-p tcp -j TPROXY --on-port 80 --on-ip ::1 ; ; FAIL bad-address
:CHAINS mangle/PREROUTING ipv6
-p tcp -j TPROXY --on-port 80 ; -p tcp -j TPROXY --on-port 80 --on-ip :: --tproxy-mark 0x0/0x0 ; OK
-p udp -j TPROXY --on-port 80 ; -p udp -j TPROXY --on-port 80 --on-ip :: --tproxy-mark 0x0/0x0 ; OK
-p tcp -j TPROXY --on-port 0 ; -p tcp -j TPROXY --on-port 0 --on-ip :: --tproxy-mark 0x0/0x0 ; OK
-p tcp -j TPROXY --on-port 65536 ; -p tcp -j TPROXY --on-port 0 --on-ip :: --tproxy-mark 0x0/0x0 ; OK
-p tcp -j TPROXY --on-port http ; -p tcp -j TPROXY --on-port 80 --on-ip :: --tproxy-mark 0x0/0x0 ; OK
-p tcp -j TPROXY --on-ip ::1 ; ; FAIL missing-option
-p tcp -j TPROXY --on-port 80 --tproxy-mark 1 ; -p tcp -j TPROXY --on-port 80 --on-ip :: --tproxy-mark 0x1/0xffffffff ; OK
-p tcp -j TPROXY --on-port 80 --tproxy-mark 1/0xff ; -p tcp -j TPROXY --on-port 80 --on-ip :: --tproxy-mark 0x1/0xff ; OK
-p tcp -j TPROXY --on-port 80 --tproxy-mark 0x101/0xff ; -p tcp -j TPROXY --on-port 80 --on-ip :: --tproxy-mark 0x101/0xff ; OK
-p tcp -j TPROXY --on-port 80 --tproxy-mark 0/0 ; -p tcp -j TPROXY --on-port 80 --on-ip :: --tproxy-mark 0x0/0x0 ; OK
-p tcp -j TPROXY --on-port 80 --on-ip 1.2.3.4 ; ; FAIL bad-address
:CHAINS mangle/INPUT ipv4,ipv6
-p tcp -j TPROXY --on-port 80 ; ; FAIL wrong-hook
:CHAINS mangle/OUTPUT ipv4,ipv6
-p tcp -j TPROXY --on-port 80 ; ; FAIL wrong-hook
:CHAINS filter/INPUT ipv4,ipv6
-p tcp -j TPROXY --on-port 80 ; ; FAIL wrong-table
:CHAINS nat/PREROUTING ipv4,ipv6
-p tcp -j TPROXY --on-port 80 ; ; FAIL wrong-table
:CHAINS raw/PREROUTING ipv4,ipv6
-p tcp -j TPROXY --on-port 80 ; ; FAIL wrong-table
