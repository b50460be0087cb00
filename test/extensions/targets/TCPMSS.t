# -j TCPMSS: needs -p tcp; the later one of two actions counts; clamping needs a route
:CHAINS mangle/FORWARD ipv4,ipv6
-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu ; = ; OK
-p tcp -m tcp --syn -j TCPMSS --set-mss 1400 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --set-mss 1400 ; OK
-p tcp -j TCPMSS --set-mss 1400 ; = ; OK
-p tcp -j TCPMSS --clamp-mss-to-pmtu ; = ; OK
-j TCPMSS --set-mss 1400 ; ; FAIL needs-protocol
! -p tcp -m tcp --syn -j TCPMSS --set-mss 1400 ; ; FAIL needs-protocol
-p tcp -m tcp --tcp-flags SYN SYN -j TCPMSS --set-mss 1400 ; = ; OK
-p tcp -m tcp ! --tcp-flags SYN SYN -j TCPMSS --set-mss 1400 ; = ; OK
-p tcp -m tcp ! --syn -j TCPMSS --set-mss 1400 ; -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --set-mss 1400 ; OK
-p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK -j TCPMSS --set-mss 1400 ; = ; OK
-p tcp -m tcp --tcp-flags SYN,ACK ACK -j TCPMSS --set-mss 1400 ; = ; OK
-p tcp -m tcp --tcp-flags ALL SYN -j TCPMSS --set-mss 1400 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG SYN -j TCPMSS --set-mss 1400 ; OK
-p tcp -m tcp --tcp-flags FIN SYN -j TCPMSS --set-mss 1400 ; = ; OK
-p tcp -m tcp --syn -j TCPMSS --set-mss 0 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --set-mss 0 ; OK
-p tcp -m tcp --syn -j TCPMSS --set-mss 65535 ; ; FAIL bad-value
-p tcp -m tcp --syn -j TCPMSS --set-mss 65495 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --set-mss 65495 ; OK
-p tcp -m tcp --syn -j TCPMSS --set-mss 65536 ; ; FAIL bad-value
-p tcp -m tcp --syn -j TCPMSS --set-mss 65475 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --set-mss 65475 ; OK
-p tcp -m tcp --syn -j TCPMSS --set-mss 65476 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --set-mss 65476 ; OK
-p tcp -m tcp --syn -j TCPMSS --set-mss foo ; ; FAIL bad-value
-p tcp -m tcp --syn -j TCPMSS --set-mss -1 ; ; FAIL bad-value
-p tcp -m tcp --syn -j TCPMSS --set-mss 0x500 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --set-mss 1280 ; OK
-p tcp -m tcp --syn -j TCPMSS ; ; FAIL missing-option
-p tcp -m tcp --syn -j TCPMSS --set-mss 1400 --clamp-mss-to-pmtu ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --clamp-mss-to-pmtu ; OK
-p tcp -m tcp --syn -j TCPMSS --clamp-mss-to-pmtu --set-mss 1400 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --set-mss 1400 ; OK
-p tcp -m tcp --syn -j TCPMSS ! --set-mss 1400 ; ; FAIL cannot-invert
-p tcp -m tcp --syn -j TCPMSS --clamp ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --clamp-mss-to-pmtu ; OK
:CHAINS mangle/FORWARD ipv4
-p tcp -m tcp --syn -j TCPMSS --set-mss 65496 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --set-mss 65496 ; OK
:CHAINS mangle/FORWARD ipv6
-p tcp -m tcp --syn -j TCPMSS --set-mss 65496 ; ; FAIL bad-value
:CHAINS mangle/INPUT ipv4,ipv6
-p tcp -m tcp --syn -j TCPMSS --clamp-mss-to-pmtu ; ; FAIL wrong-hook
-p tcp -m tcp --syn -j TCPMSS --set-mss 1400 ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --set-mss 1400 ; OK
:CHAINS mangle/PREROUTING ipv4,ipv6
-p tcp -m tcp --syn -j TCPMSS --clamp-mss-to-pmtu ; ; FAIL wrong-hook
:CHAINS mangle/OUTPUT ipv4,ipv6
-p tcp -m tcp --syn -j TCPMSS --clamp-mss-to-pmtu ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --clamp-mss-to-pmtu ; OK
:CHAINS mangle/POSTROUTING ipv4,ipv6
-p tcp -m tcp --syn -j TCPMSS --clamp-mss-to-pmtu ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --clamp-mss-to-pmtu ; OK
:CHAINS filter/FORWARD ipv4,ipv6
-p tcp -m tcp --syn -j TCPMSS --clamp-mss-to-pmtu ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --clamp-mss-to-pmtu ; OK
-p tcp -m multiport --dports 80 -m tcp --syn -j TCPMSS --clamp-mss-to-pmtu ; -p tcp -m multiport --dports 80 -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --clamp-mss-to-pmtu ; OK
:CHAINS filter/INPUT ipv4,ipv6
-p tcp -m tcp --syn -j TCPMSS --clamp-mss-to-pmtu ; ; FAIL wrong-hook
:CHAINS filter/own ipv4,ipv6
-p tcp -m tcp --syn -j TCPMSS --clamp-mss-to-pmtu ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --clamp-mss-to-pmtu ; OK
