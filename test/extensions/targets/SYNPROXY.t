# -j SYNPROXY: TCP in INPUT and FORWARD; the MSS is cut to 16 bits
:CHAINS filter/INPUT ipv4,ipv6
-p tcp -m tcp --syn -j SYNPROXY ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j SYNPROXY ; OK
-p tcp -m tcp --syn -j SYNPROXY --mss 1460 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j SYNPROXY --mss 1460 ; OK
-p tcp -m tcp --syn -j SYNPROXY --mss 65535 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j SYNPROXY --mss 65535 ; OK
-p tcp -m tcp --syn -j SYNPROXY --mss 65536 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j SYNPROXY --mss 0 ; OK
-p tcp -m tcp --syn -j SYNPROXY --mss 0 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j SYNPROXY --mss 0 ; OK
-p tcp -m tcp --syn -j SYNPROXY --wscale 0 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j SYNPROXY --wscale 0 ; OK
-p tcp -m tcp --syn -j SYNPROXY --wscale 14 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j SYNPROXY --wscale 14 ; OK
-p tcp -m tcp --syn -j SYNPROXY --wscale 15 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j SYNPROXY --wscale 15 ; OK
-p tcp -m tcp --syn -j SYNPROXY --timestamp --sack-perm --ecn ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j SYNPROXY --sack-perm --timestamp --ecn ; OK
-p tcp -m tcp --syn -j SYNPROXY --ecn ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j SYNPROXY --ecn ; OK
-p tcp -m tcp --syn -j SYNPROXY --ecn --ecn ; ; FAIL repeated-option
-p tcp -m tcp --syn -j SYNPROXY --sack-perm ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j SYNPROXY --sack-perm ; OK
-p tcp -j SYNPROXY --sack-perm ; = ; OK
! -p tcp -j SYNPROXY --sack-perm ; ; FAIL needs-protocol
-p udp -j SYNPROXY --sack-perm ; ; FAIL needs-protocol
-p tcp -j SYNPROXY ! --sack-perm ; ; FAIL cannot-invert
-p tcp -j SYNPROXY --wscale foo ; ; FAIL bad-value
-p tcp -j SYNPROXY --mss foo ; ; FAIL bad-value
:CHAINS filter/FORWARD ipv4,ipv6
-p tcp -j SYNPROXY ; = ; OK
:CHAINS filter/OUTPUT ipv4,ipv6
-p tcp -j SYNPROXY ; ; FAIL wrong-hook
:CHAINS mangle/PREROUTING ipv4,ipv6
-p tcp -j SYNPROXY ; ; FAIL wrong-hook
:CHAINS mangle/INPUT ipv4,ipv6
-p tcp -j SYNPROXY ; = ; OK
